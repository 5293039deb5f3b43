"""The advised values of training, saving and previews, each with its reason."""

from __future__ import annotations

from schema.advice import amounts
from schema.advice.prompts import prompts
from schema.advice.sheet import Origin
from schema.advice.situation import Situation
from schema.advice.values import size_words
from schema.formulas.buckets import Size


def length(case: Situation) -> None:
    """Steps and batch."""
    put, goal, setup = case.sheet.put, case.goal, case.fitted.setup
    seen = amounts.views(goal, case.count, case.answers.priority)
    advised = amounts.steps(seen, case.per_update)
    each = round(seen / case.count) if case.count else 0
    if not goal.pictures:
        put("train.steps", advised, "Prompts alone are learned quickly.", "goal")
        return
    whose = f"your {case.count}" if case.has_pictures else f"about {case.count}"
    why = f"Each of {whose} pictures is seen about {each} times."
    put("train.steps", advised, why, "pictures" if case.has_pictures else "goal")
    put("train.batch_size", setup.batch, *_batch_why(case))
    if setup.accumulation > 1:
        why = f"An update still sees {case.per_update} pictures, some at a time."
        put("train.gradient_accumulation", setup.accumulation, why, "memory")


def _batch_why(case: Situation) -> tuple[str, Origin]:
    if reason := case.fitted.why("batch"):
        return reason, "memory"
    wished = amounts.batch(case.goal, 10**9, case.answers.priority)
    if case.has_pictures and case.per_update < wished:
        return f"Larger batches would be most of your {case.count} pictures at once.", "pictures"
    if case.answers.priority == "speed" and case.per_update > 2:
        return "Larger batches use the GPU better, and need fewer steps.", "answer"
    if case.per_update == 1:
        return "One picture at a time takes the least memory.", "answer"
    return "A few pictures in each update make it steadier.", "goal"


def learning(case: Situation) -> None:
    """Optimizer, rate, schedule, averaging, the text encoder."""
    put, goal, setup, whole = (
        case.sheet.put,
        case.goal,
        case.fitted.setup,
        case.goal.trains != "network",
    )
    base = case.costs.rates[goal.trains]
    per_update = int(case.pinned("train.batch_size", setup.batch)) * setup.accumulation
    rate = amounts.rate(base, per_update, goal.trains)
    what = {"network": "a LoRA", "model": "all weights", "adapter": "an adapter"}[goal.trains]
    rate_why = f"Usual for {what} of {case.row.label} with {per_update} pictures an update."
    if per_update == 1:
        rate_why = f"Usual for {what} of {case.row.label} with one picture an update."
    put("train.lr", rate, rate_why, "family")
    if goal.trains == "adapter":
        put("train.adapter_lr", rate, "The adapter is what learns.", "goal")
    reason = case.fitted.why("eight_bit")
    if setup.eight_bit:
        put("train.optimizer", "adamw8bit", reason or "Your choice.", "memory")
    else:
        put("train.optimizer", "adamw", "Forgiving, and what the usual rates are meant for.")
    _schedule(case, whole)
    if setup.text_encoder:
        put("train.train_text_encoder", True, "Helps a new word take hold.", "goal")
        put("train.text_encoder_lr", case.sheet.value("train.lr") / 2,
            "Half the main rate: text encoders overlearn sooner.", "goal")  # fmt: skip
    elif setup.text_cached:
        size = f"{case.costs.encoder_billions:g} billion weights"
        why = case.fitted.why("text_cached") or f"A text encoder of {size} reads captions once."
        put("train.cache_text_embeddings", True, why, "memory")
    if setup.average:
        steps = int(case.sheet.value("train.steps") or 1000)
        put("train.ema_config.use_ema", True, "Averaged weights draw more steadily than the last.",
            "goal" if whole else "answer")  # fmt: skip
        put("train.ema_config.ema_decay", amounts.average_decay(steps),
            "Averages over about a tenth of the run.", "goal")  # fmt: skip


def _schedule(case: Situation, whole: bool) -> None:
    put, steps = case.sheet.put, int(case.sheet.value("train.steps") or 1000)
    chosen = "constant_with_warmup" if whole else "constant"
    why = "A gentle start protects what the model knows." if whole else (
        "May be stopped or lengthened at any time."
    )  # fmt: skip
    if not whole and case.answers.priority == "quality":
        chosen, why = "cosine", "Ever smaller steps settle the details at the end."
    put("train.lr_scheduler", chosen, why, "answer" if chosen == "cosine" else "goal")
    if case.sheet.value("train.lr_scheduler") == "constant_with_warmup":
        put("train.lr_scheduler_params.num_warmup_steps", amounts.warmup(steps),
            "A twentieth of the run, at most 500 steps.", "goal")  # fmt: skip


def noise(case: Situation) -> None:
    """What the family's kind of noise asks for."""
    put, row = case.sheet.put, case.row
    if not row.can(("flow",)):
        put("train.min_snr_gamma", 5.0,
            "Evens out easy and hard noise levels; learns faster (Hang 2023).", "family",
            ("alpha_bar",))  # fmt: skip
        return
    put("train.noise_scheduler", "flowmatch", f"{row.label} is trained by flow matching.", "family")
    if row.timestep_type:
        put("train.timestep_type", row.timestep_type, "The noise levels it is usually trained on.",
            "family")  # fmt: skip


def memory(case: Situation) -> None:
    """Precision and checkpointing."""
    put, setup = case.sheet.put, case.fitted.setup
    words = {
        "bf16": "Half the memory of fp32 with the same range.",
        "fp16": "This GPU is older than bf16.",
        "fp32": "CPUs are slow in 16 bits.",
    }
    put("train.dtype", case.dtype, words.get(case.dtype, "Your choice."), "machine")
    why = case.fitted.why("checkpointing") or (
        "Enough memory without it, and steps are about a quarter faster."
        if not setup.checkpointing
        else "Saves much memory for about a third more time; the result is the same."
    )
    put("train.gradient_checkpointing", setup.checkpointing, why, "memory")


def saving(case: Situation) -> None:
    """How often to save, what is kept, in which form."""
    put, goal, machine = case.sheet.put, case.goal, case.hardware
    steps = int(case.sheet.value("train.steps") or 1000)
    whole = goal.trains == "model"
    put("save.save_every", amounts.cadence(steps, 8), "The best save is often not the last.")
    put("save.dtype", "float16", "Half the size, and what other programs expect.")
    keep = 2 if goal.trains != "network" else 6 if case.answers.help == "lots" else 4
    why, origin = "Older saves are deleted.", "always"
    if machine is not None and machine.disk_free is not None:
        billions = case.costs.billions * (1 if whole else 0.4 if goal.trains == "adapter" else 0)
        each = billions * 2e9 + 1e6 * case.costs.billions * case.fitted.setup.rank * 2
        room = max(1, int(machine.disk_free / 2 // max(each, 1)))
        if room < keep:
            keep = room
            why, origin = f"A save takes about {size_words(each)}; the disk is short.", "machine"
    put("save.max_step_saves_to_keep", keep, why, "machine" if origin == "machine" else "always")
    if whole:
        put(
            "save.save_format",
            "diffusers",
            "A folder that diffusers and this program load.",
            "goal",
        )


def previews(case: Situation) -> None:
    """Preview pictures: when, how large, of what."""
    put, row, goal = case.sheet.put, case.row, case.goal
    every = int(case.sheet.value("save.save_every") or 250)
    if case.answers.priority == "speed":
        put("sample.sample_every", every * 2, "At every second save: drawing takes time.", "answer")
    else:
        put("sample.sample_every", every, "At every save, to choose the best by eye.")
    sampler = "flowmatch" if row.can(("flow",)) else "ddim"
    put("sample.sampler", sampler, "Quick, and the same picture for the same seed.", "family")
    put("sample.sample_steps", case.costs.steps, "Enough for a clean picture.", "family")
    put("sample.guidance_scale", case.costs.guidance, f"Usual for {row.label}.", "family")
    width, height = _size(case)
    put("sample.width", width, "As large as the training pictures.", "family", ("pictures",))
    put("sample.height", height, "As large as the training pictures.", "family", ("pictures",))
    put("sample.seed", 42, "The same noise each time, so that previews can be compared.")
    drawn = prompts(goal, case.captions, case.trigger)
    why = "Scenes that show whether it carries over." if not case.captions else (
        "Two of your captions, and scenes that show whether it carries over."
    )  # fmt: skip
    if goal.probe and goal.probe in drawn:
        why = why[:-1] + "; the last one must stay as it was."
    items: list[dict[str, str]] = [{"prompt": text} for text in drawn]
    if row.controls[0] and case.sheet.fits("sample.samples[0].ctrl_img", "controls/example.png"):
        items = [{**item, "ctrl_img": "controls/example.png"} for item in items]
    put("sample.samples", items, why, "pictures" if case.captions else "goal")


def _size(case: Situation) -> Size:
    """The preview's width and height: the training area, in steps that the model takes."""
    side = case.fitted.setup.side
    side -= side % max(case.row.multiple, case.row.bucket_step, 64)
    return side, side
