"""Rules on noise levels, noise and latents."""

from collections.abc import Iterator

from schema.formulas.schedulers import FLOWING
from schema.rules.lookup import caches_latents, in_datasets, is_flow, value_at
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []

FIXED_STEPS = ("one_step", "two_step", "four_step", "eight_step")
BELLS = ("linear_timesteps", "linear_timesteps2")


@rule(RULES, "error", "train.noise_scheduler", "model.arch")
def noise_of_another_kind(scope: Scope) -> Iterator[Problem]:
    """A model learns the noise process that it was made with."""
    chosen = scope.process.train.noise_scheduler
    if not scope.given("train.noise_scheduler"):
        return
    if is_flow(scope) and chosen not in FLOWING:
        message = f"{scope.family.label} is trained by flow matching, not with {chosen}"
        yield Problem("train.noise_scheduler", message, "flowmatch")
    elif not is_flow(scope) and chosen in FLOWING:
        message = f"{scope.family.label} is not a flow matching model"
        yield Problem("train.noise_scheduler", message, "ddpm")


@rule(RULES, "error", "train.noise_scheduler", "train.loss_type")
def mean_flow_goes_together(scope: Scope) -> Iterator[Problem]:
    """Noise process, loss and adapter of average velocities need each other."""
    train = scope.process.train
    if train.noise_scheduler == "mean_flow" and train.loss_type != "mean_flow":
        yield Problem("train.noise_scheduler", "needs loss_type: mean_flow", "flowmatch")
    if train.loss_type == "mean_flow" and value_at("adapter.type", scope) != "mean_flow":
        yield Problem("train.loss_type", "needs an adapter of the type mean_flow", "mse")


@rule(RULES, "error", "train.timestep_type", "model.arch")
def next_sample_needs_flow(scope: Scope) -> Iterator[Problem]:
    """The simulated step is one of flow matching."""
    if scope.process.train.timestep_type == "next_sample" and not is_flow(scope):
        message = f"is for flow matching models, which {scope.family.label} is not"
        yield Problem("train.timestep_type", message, "sigmoid")


@rule(RULES, "error", "train.timestep_type", "model.arch")
def timestep_type_is_for_flow(scope: Scope) -> Iterator[Problem]:
    """Alpha-bar models practise the levels of their own table evenly; the default stands for it."""
    chosen = scope.process.train.timestep_type
    if not is_flow(scope) and chosen not in ("sigmoid", "next_sample", *FIXED_STEPS):
        message = (
            f"{chosen} is for flow matching; {scope.family.label} practises its own levels evenly"
        )
        yield Problem("train.timestep_type", message, "sigmoid")


@rule(RULES, "error", "train.timestep_type", "train.linear_timesteps", "train.linear_timesteps2")
def bell_weighs_nothing(scope: Scope) -> Iterator[Problem]:
    """The bell is 0 at pure noise, and simulated steps have a list of their own."""
    train = scope.process.train
    reason = {
        "one_step": "weighs pure noise with 0, and timestep_type: one_step trains nothing else",
        "next_sample": "is for levels that lie evenly; timestep_type: next_sample has its own",
    }.get(train.timestep_type)
    for name in BELLS:
        if reason and getattr(train, name):
            yield Problem(f"train.{name}", reason, "false")


@rule(RULES, "warning", "train.timestep_type", "train.linear_timesteps", "train.linear_timesteps2")
def bell_needs_even_levels(scope: Scope) -> Iterator[Problem]:
    """Bell weighting brings its own even list of levels."""
    train = scope.process.train
    bent = train.timestep_type in ("shift", "lognorm_blend")
    if bent and any(getattr(train, name) for name in BELLS):
        message = f"{train.timestep_type} is not followed: bell weighting draws all levels evenly"
        yield Problem("train.timestep_type", message, "linear")


@rule(RULES, "error", "train.timestep_type", "train.num_train_timesteps")
def fixed_steps_need_the_full_table(scope: Scope) -> Iterator[Problem]:
    """The fixed levels are places in a table of 1000."""
    train = scope.process.train
    if train.timestep_type in FIXED_STEPS[1:] and train.num_train_timesteps < 1000:
        message = f"{train.timestep_type} needs all 1000 levels"
        yield Problem("train.num_train_timesteps", message, "1000")


@rule(
    RULES,
    "warning",
    "train.min_denoising_steps",
    "train.max_denoising_steps",
    "train.num_train_timesteps",
)
def index_beyond_the_table(scope: Scope) -> Iterator[Problem]:
    """A shorter list of levels ends earlier."""
    train = scope.process.train
    last = train.num_train_timesteps - 1
    for path in ("train.min_denoising_steps", "train.max_denoising_steps"):
        index = value_at(path, scope)
        if scope.given(path) and index > last:
            yield Problem(path, f"{index} is beyond the last of the levels, {last}", str(last))


@rule(
    RULES,
    "hint",
    "train.timestep_type",
    "train.min_denoising_steps",
    "train.max_denoising_steps",
    "train.content_or_style",
    "train.content_or_style_reg",
    "train.num_train_timesteps",
)
def noise_range_is_ignored(scope: Scope) -> Iterator[Problem]:
    """Fixed levels follow neither range nor bias."""
    train = scope.process.train
    usual = {
        "min_denoising_steps": 0,
        "max_denoising_steps": 999,
        "content_or_style": "balanced",
        "content_or_style_reg": None,
    }
    if train.timestep_type == "next_sample":
        usual["num_train_timesteps"] = 1000
    elif train.timestep_type not in FIXED_STEPS:
        return
    for name, value in usual.items():
        if getattr(train, name) != value:
            yield Problem(f"train.{name}", f"is not used with timestep_type: {train.timestep_type}")


@rule(RULES, "warning", "train.linear_timesteps", "train.linear_timesteps2", "train.timestep_type")
def bell_weights_are_overruled(scope: Scope) -> Iterator[Problem]:
    """Of several weightings of noise levels one counts."""
    train = scope.process.train
    for name in BELLS:
        if getattr(train, name) and train.timestep_type == "weighted":
            message = "is not used: timestep_type: weighted has weights of its own"
            yield Problem(f"train.{name}", message, "false")
    if train.linear_timesteps and train.linear_timesteps2 and train.timestep_type != "weighted":
        yield Problem("train.linear_timesteps", "train.linear_timesteps2 wins", "false")


@rule(
    RULES,
    "warning",
    "train.noise_offset",
    "train.optimal_noise_pairing_samples",
    "train.force_consistent_noise",
)
def noise_offset_is_left_out(scope: Scope) -> Iterator[Problem]:
    """Noise that was chosen or fixed gets no offset."""
    train = scope.process.train
    other = None
    if train.optimal_noise_pairing_samples > 1:
        other = "optimal_noise_pairing_samples"
    elif train.force_consistent_noise:
        other = "force_consistent_noise"
    if train.noise_offset and other:
        yield Problem("train.noise_offset", f"is not used with train.{other}", "0.0")


@rule(RULES, "warning", "train.force_consistent_noise", "train.optimal_noise_pairing_samples")
def consistent_noise_is_overruled(scope: Scope) -> Iterator[Problem]:
    """Choosing among several noises needs new ones each time."""
    train = scope.process.train
    if train.force_consistent_noise and train.optimal_noise_pairing_samples > 1:
        message = "is not followed: train.optimal_noise_pairing_samples wins"
        yield Problem("train.force_consistent_noise", message, "false")


@rule(RULES, "error", "train.noise_offset", "train.blended_blur_noise", "model.arch")
def noise_of_pictures_only(scope: Scope) -> Iterator[Problem]:
    """These two are not defined over frames."""
    train = scope.process.train
    if not scope.family.can(("video",)):
        return
    for name, off in (("noise_offset", "0.0"), ("blended_blur_noise", "false")):
        if getattr(train, name):
            yield Problem(f"train.{name}", "is not for models that make videos", off)


@rule(
    RULES,
    "warning",
    "train.img_multiplier",
    "train.standardize_images",
    "datasets[].cache_latents",
    "datasets[].cache_latents_to_disk",
)
def pixels_are_cached(scope: Scope) -> Iterator[Problem]:
    """Changes of pixels come too late for latents that are made already."""
    train = scope.process.train
    if not caches_latents(scope):
        return
    message = "has no effect on cached latents: images are encoded without it"
    if train.img_multiplier != 1:
        yield Problem("train.img_multiplier", message, "1.0")
    if train.standardize_images:
        yield Problem("train.standardize_images", message, "false")


@rule(RULES, "warning", "train.latent_multiplier", "train.adaptive_scaling_factor")
def latent_multiplier_is_replaced(scope: Scope) -> Iterator[Problem]:
    """Adaptive scaling takes its place."""
    train = scope.process.train
    if train.adaptive_scaling_factor and train.latent_multiplier != 1:
        message = "is not used: train.adaptive_scaling_factor takes its place"
        yield Problem("train.latent_multiplier", message, "1.0")


@rule(RULES, "warning", "train.do_batch_noise_correction", "train.batch_size")
def batch_noise_needs_two(scope: Scope) -> Iterator[Problem]:
    """There must be another image to mix in."""
    train = scope.process.train
    if train.do_batch_noise_correction and train.batch_size < 2:
        message = "has no effect on batches of one image"
        yield Problem("train.do_batch_noise_correction", message, "false")


@rule(RULES, "error", "train.do_blank_stabilization", "train.unload_text_encoder")
def nothing_but_blank_prompts(scope: Scope) -> Iterator[Problem]:
    """Where no caption is read and no trigger word is set, every picture would be emptied."""
    train = scope.process.train
    words = [word or scope.process.trigger_word for word in in_datasets("trigger_word", scope)]
    if train.do_blank_stabilization and train.unload_text_encoder and not all(words):
        message = "would empty every picture: train.unload_text_encoder leaves no captions"
        yield Problem("train.do_blank_stabilization", message, "false")


@rule(RULES, "hint", "train.do_blank_stabilization", "datasets[].caption_dropout_rate")
def no_blank_prompts(scope: Scope) -> Iterator[Problem]:
    """Without dropped captions hardly any prompt is empty."""
    train = scope.process.train
    dropped = any(in_datasets("caption_dropout_rate", scope)) or train.prompt_dropout_prob
    if train.do_blank_stabilization and not dropped:
        message = "acts on empty prompts only, and no dataset has a caption_dropout_rate"
        yield Problem("train.do_blank_stabilization", message)
