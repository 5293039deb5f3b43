"""The advised values of model, network, data and memory, each with its reason."""

from __future__ import annotations

from collections import Counter
from typing import Final

from schema.advice import pictures as pics
from schema.advice.memory import GIB
from schema.advice.sheet import Origin
from schema.advice.situation import RESOLUTION, Situation
from schema.sections.processes.names import PROCESS_ROWS

_WIDE_STEP: Final = 64
"""The step of training sizes that SDXL was made with (Podell 2023, appendix I)."""
MANY: Final = 500
"""Pictures from which encoding them again for the next run costs minutes."""


def job(case: Situation) -> None:
    """The name, where results go, the trigger word."""
    put, goal, answers = case.sheet.put, case.goal, case.answers
    kind = PROCESS_ROWS[goal.process].job
    put("job", kind, f"The kind of job that `{goal.process}` belongs to.")
    put("config.name", answers.name or goal.run_name, "Names the run's folder and its files.")
    put("type", goal.process, "What kind of job this is.")
    put("training_folder", "output", "Results go into a folder of the run's name in here.")
    put("device", None, "Empty takes the GPU if there is one.")
    if case.trigger:
        why = "Means nothing to the base model; put into captions that lack it."
        if answers.trigger:
            why = "Calls up what is learned; put into captions that lack it."
        put("trigger_word", case.trigger, why, "goal")


def model(case: Situation) -> None:
    """The base model."""
    put, row = case.sheet.put, case.row
    why = case.costs.note or f"The usual {row.label} model; a folder or file of yours does as well."
    put("model.name_or_path", case.answers.model or row.repository, why, "family")
    put("model.arch", row.arch, "The family decides how the model is loaded and trained.", "family")
    table(case, {p: v for p, v in case.costs.values.items() if p.startswith("model.")}, "family")
    suggested = dict(row.suggests)
    for variant in row.variants.values():
        if variant.repository == case.sheet.value("model.name_or_path"):
            suggested |= variant.suggests
    for path, value in suggested.items():
        if case.goal.trains == "network" or not path.startswith("network"):
            put(path, value, f"Usual for {row.label}.", "family")
    if case.fitted.setup.quantized:
        put("model.quantize", True, case.fitted.why("quantized") or "Your choice.", "memory")


def network(case: Situation) -> None:
    """The small network beside the frozen model, its size and strength."""
    goal, setup = case.goal, case.fitted.setup
    if goal.trains != "network":
        return
    put = case.sheet.put
    put("network.type", "lora", "Small, quick to train, and every program reads it.", "goal")
    why: tuple[str, Origin] = (f"Room enough for {goal.teaches}; more learns more detail.", "goal")
    if reason := case.fitted.why("rank"):
        why = reason, "memory"
    elif case.answers.priority == "quality":
        why = f"Twice the usual room for {goal.teaches}, as quality matters most.", "answer"
    elif case.answers.priority == "memory":
        why = "Half the usual rank: smaller file, less memory, enough for most.", "answer"
    put("network.linear", setup.rank, *why)
    if case.row.can(("kohya_keys",)):
        rank = case.sheet.value("network.linear") or setup.rank
        put("network.linear_alpha", rank, "Equal to the rank: a scale of 1, so rates stay usual.")


def adapter(case: Situation) -> None:
    """The adapter that is trained, of a type that the family takes."""
    goal = case.goal
    kind = next((one for one in goal.adapters if one in case.row.adapters), None)
    if kind is None:
        return
    case.sheet.put(
        "adapter.type", kind, f"The best of these that {case.row.label} takes.", "family"
    )
    if goal.preview_control:
        why = "A control picture for the previews to follow."
        case.sheet.put("adapter.test_img_path", list(goal.preview_control), why, "goal")


def data(case: Situation) -> None:
    """The pictures: where, how large, captions, caches."""
    if not case.goal.pictures:
        return
    put = case.sheet.put
    where = case.answers.folder or (case.pictures.folder if case.pictures else "") or "images"
    found, origin = _found(case)
    put("datasets[0].folder_path", where, found, origin)
    extension = case.pictures.caption_ext if case.has_pictures and case.pictures else ".txt"
    put("datasets[0].caption_ext", extension, "Captions lie beside the pictures, with this ending.")
    if case.row.controls[0]:
        why = f"{case.row.label} edits pictures: here are those before the edit, of the same names."
        put("datasets[0].control_path", ["controls"], why, "family")
    _captions(case)
    _sizes(case)
    _caches(case)


def _found(case: Situation) -> tuple[str, Origin]:
    if not case.has_pictures or case.pictures is None:
        return f"About {case.goal.pictures} pictures suit this; captions beside them.", "goal"
    seen = case.pictures
    words = f"{seen.count} pictures"
    if seen.sizes:
        size, often = Counter(seen.sizes).most_common(1)[0]
        same = "all" if often == len(seen.sizes) else "most often"
        words += f", {same} {size[0]}x{size[1]}"
    if seen.unreadable:
        words += f"; {seen.unreadable} cannot be read and must go"
    return f"{words}.", "pictures"


def _captions(case: Situation) -> None:
    put, goal, seen = case.sheet.put, case.goal, case.pictures
    missing = seen.uncaptioned if case.has_pictures and seen else 1
    if (
        goal.default_caption
        and missing
        and (case.trigger or "[trigger]" not in goal.default_caption)
    ):
        why = "For pictures without a caption of their own."
        if case.has_pictures and seen:
            why = f"{missing} of {len(seen.captions) + missing} pictures have no caption."
        put("datasets[0].default_caption", goal.default_caption, why, "goal")
    if case.tags and not case.fitted.setup.text_cached:
        put(
            "datasets[0].shuffle_tokens", True,
            "Your captions are tags, whose order should not matter.", "pictures",
        )  # fmt: skip
        put("datasets[0].keep_tokens", 1, "The first tag, mostly the trigger, stays in front.",
            "pictures")  # fmt: skip


def _sizes(case: Situation) -> None:
    setup, row = case.fitted.setup, case.row
    sides = [side for side in case.sides if side <= setup.side] or [setup.side]
    if setup.side not in sides:
        sides = [setup.side]
    native = f"{row.label} was made for about {row.resolution}x{row.resolution} pixels"
    why: tuple[str, Origin] = (f"{native}; other shapes get the same area.", "family")
    if reason := case.fitted.why("side"):
        why = reason, "memory"
    elif case.has_pictures and sides[-1] < row.resolution:
        why = "Most pictures are no larger; they are never enlarged.", "pictures"
    elif len(sides) > 1:
        why = "Seen at two sizes, what is learned holds at more sizes.", "answer"
    case.sheet.put(RESOLUTION, sides, *why)
    if not case.has_pictures or case.pictures is None:
        return
    table_of = pics.shapes(case.pictures.sizes, sides[-1], row.bucket_step)
    rare = pics.lonely(table_of, setup.batch)
    if row.bucket_step < _WIDE_STEP <= sides[0] and rare > 0.25:
        words = f"{len(table_of)} shapes do not fill batches of {setup.batch}; this merges some."
        case.sheet.put("datasets[0].bucket_tolerance", _WIDE_STEP, words, "pictures")


def _caches(case: Situation) -> None:
    """Latents are encoded once: into memory, and onto the disk where that pays."""
    put, row, machine = case.sheet.put, case.row, case.hardware
    area = sum(side**2 for side in case.sides) / row.spatial**2
    needed = int(case.count * area * (row.latent_channels or 16) * 4)
    ram = machine.ram if machine is not None else None
    if ram is not None and needed > ram // 4:
        if machine is not None and machine.disk_free is not None and needed > machine.disk_free / 4:
            return  # neither memory nor disk has room: encoded anew at each step
        why = f"About {size_words(needed)} of latents are too many for this machine's memory."
        put("datasets[0].cache_latents_to_disk", True, why, "machine")
        return
    put("datasets[0].cache_latents", True, "Pictures are encoded once, not at every step.")
    writable = case.pictures is None or case.pictures.writable
    network = machine is not None and machine.disk == "network"
    if case.has_pictures and case.count >= MANY and writable and not network:
        why = f"Encoding {case.count} pictures takes a while; the next run finds them ready."
        put("datasets[0].cache_latents_to_disk", True, why, "pictures")


def table(case: Situation, values: object, origin: Origin) -> None:
    """The values that a data file gives as they are."""
    assert isinstance(values, dict)
    for path, row in values.items():
        case.sheet.put(path, row["value"], row["why"], origin, tuple(row.get("needs", ())))


def size_words(count: float) -> str:
    """`3.2 GB`."""
    gib = count / GIB
    return f"{gib:.0f} GB" if gib >= 10 else f"{gib:.1f} GB" if gib >= 0.1 else "0.1 GB"
