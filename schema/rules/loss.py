"""Rules on the loss: targets, weights of noise levels, turbo training, perceptual losses."""

import re
from collections.abc import Iterator

from schema.formulas.schedulers import EXPLODING
from schema.rules.lookup import caches_latents, can_switch_off, in_datasets, is_flow, value_at
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []

_CLEAN = ("source", "unaugmented")
_AUGMENTED = ("unaugmented", "differential_noise")
_FLOWING = ("wavelet", "stepped")
_OWN_TARGET = (*_FLOWING, "pixelspace")
"""Loss types that compare something else than prediction and target."""
EXTRACTORS = tuple(f"v{number}" for number in range(3, 11))


@rule(
    RULES,
    "error",
    "train.loss_type",
    "train.do_signal_amplification",
    "train.t0_loss_target",
    "train.do_fft_loss",
    "train.diffusion_feature_extractor_path",
    "train.latent_feature_extractor_path",
    "model.arch",
)
def needs_flow_matching(scope: Scope) -> Iterator[Problem]:
    """Formulas that hold for straight paths only."""
    if is_flow(scope):
        return
    train = scope.process.train
    message = f"is for flow matching models, which {scope.family.label} is not"
    if train.loss_type in _FLOWING:
        yield Problem("train.loss_type", f"{train.loss_type} {message}", "mse")
    for name in ("do_signal_amplification", "t0_loss_target", "do_fft_loss"):
        if getattr(train, name):
            yield Problem(f"train.{name}", message, "false")
    for name in ("diffusion_feature_extractor_path", "latent_feature_extractor_path"):
        if getattr(train, name):
            yield Problem(f"train.{name}", message, "null")


@rule(
    RULES,
    "error",
    "train.min_snr_gamma",
    "train.snr_gamma",
    "train.learnable_snr_gos",
    "model.arch",
)
def snr_needs_a_noise_table(scope: Scope) -> Iterator[Problem]:
    """Flow models have no signal-to-noise table; they weight levels by timestep_type."""
    if scope.family.can(("alpha_bar",)):
        return
    train = scope.process.train
    for name, off in (
        ("min_snr_gamma", "null"),
        ("snr_gamma", "null"),
        ("learnable_snr_gos", "false"),
    ):
        if getattr(train, name):
            message = f"is not for {scope.family.label}; train.timestep_type: weighted balances it"
            yield Problem(f"train.{name}", message, off)


@rule(
    RULES, "warning", "train.min_snr_gamma", "train.snr_gamma", "train.learnable_snr_gos",
    "train.train_turbo",
)  # fmt: skip
def one_snr_weight_counts(scope: Scope) -> Iterator[Problem]:
    """The learnable weighting wins over snr_gamma, that over min_snr_gamma; turbo has none."""
    train = scope.process.train
    order = [
        name for name in ("learnable_snr_gos", "snr_gamma", "min_snr_gamma") if getattr(train, name)
    ]
    winner = "train_turbo" if train.train_turbo else order.pop(0) if order else None
    for name in order:
        off = "false" if name == "learnable_snr_gos" else "null"
        yield Problem(f"train.{name}", f"is not used: train.{winner} wins", off)


@rule(RULES, "error", "train.t0_loss_target", "train.loss_type")
def clean_loss_of_another_kind(scope: Scope) -> Iterator[Problem]:
    """Wavelet, stepped and pixel losses have a clean target of their own."""
    train = scope.process.train
    if train.t0_loss_target and train.loss_type in _OWN_TARGET:
        message = f"cannot be combined with loss_type: {train.loss_type}"
        yield Problem("train.t0_loss_target", message, "false")


@rule(
    RULES,
    "warning",
    "train.t0_loss_target",
    "train.loss_type",
    "train.loss_target",
    "train.do_guidance_loss",
    "train.do_signal_amplification",
    "train.do_differential_guidance",
    "train.correct_pred_norm",
    "train.train_turbo",
    "datasets[].prior_reg",
)
def target_is_overwritten(scope: Scope) -> Iterator[Problem]:
    """Options that move the target, where another one replaces it afterwards."""
    train = scope.process.train
    winner = None
    if train.train_turbo:
        winner = "train.train_turbo"
    elif train.t0_loss_target:
        winner = "train.t0_loss_target"
    elif train.loss_type in _OWN_TARGET:
        winner = f"loss_type: {train.loss_type}"
    elif train.loss_target in _CLEAN:
        winner = f"loss_target: {train.loss_target}"
    if winner is None:
        return
    message = f"has no effect: {winner} replaces the target"
    for name in (
        "do_guidance_loss",
        "do_signal_amplification",
        "do_differential_guidance",
        "correct_pred_norm",
    ):
        if getattr(train, name):
            yield Problem(f"train.{name}", message, "false")
    for path, dataset in scope.datasets():
        if dataset.prior_reg and not train.train_turbo:  # which cannot have it at all
            yield Problem(f"{path}.prior_reg", message, "false")


@rule(RULES, "warning", "train.loss_target", "train.loss_type", "train.do_fft_loss")
def clean_error_is_squared(scope: Scope) -> Iterator[Problem]:
    """The error of the clean picture has a formula of its own, and nothing is added to it."""
    train = scope.process.train
    if train.loss_target not in _CLEAN:
        return
    message = f"is not used with loss_target: {train.loss_target}"
    if train.loss_type != "mse":
        yield Problem("train.loss_type", f"{train.loss_type} {message}", "mse")
    for name in ("do_fft_loss", "t0_loss_target"):
        if getattr(train, name):
            yield Problem(f"train.{name}", message, "false")


@rule(RULES, "error", "train.loss_target")
def nothing_is_augmented(scope: Scope) -> Iterator[Problem]:
    """A target without augmentation needs augmentations, and pixels at every step."""
    target = scope.process.train.loss_target
    if target not in _AUGMENTED:
        return
    if caches_latents(scope):
        message = f"{target} needs images that are encoded at every step, not cached latents"
        yield Problem("train.loss_target", message, "noise")
    elif not any(in_datasets("augmentations", scope)) and not any(in_datasets("augments", scope)):
        message = f"{target} needs datasets[].augmentations"
        yield Problem("train.loss_target", message, "noise")


@rule(
    RULES,
    "error",
    "train.train_turbo",
    "train.loss_target",
    "train.loss_type",
    "train.inverted_mask_prior",
    "train.match_adapter_chance",
    "train.match_adapter_assist",
    "train.noise_scheduler",
)
def turbo_stands_alone(scope: Scope) -> Iterator[Problem]:
    """Turbo training has a target of its own, on pixels, by the sigmas of its noise process."""
    train = scope.process.train
    if not train.train_turbo:
        return
    message = "cannot be combined with train.train_turbo"
    if train.loss_target in _CLEAN:
        yield Problem("train.loss_target", message, "noise")
    if train.loss_type in _OWN_TARGET:
        yield Problem("train.loss_type", f"{train.loss_type} {message}", "mse")
    if train.inverted_mask_prior:
        yield Problem("train.inverted_mask_prior", message, "false")
    if train.matching_chance:
        yield Problem("train.match_adapter_chance", message, "0.0")
    if any(in_datasets("prior_reg", scope)):
        yield Problem("train.train_turbo", "cannot be combined with datasets[].prior_reg", "false")
    if train.noise_scheduler not in EXPLODING:
        message = "train.train_turbo needs a variance-exploding process"
        yield Problem("train.noise_scheduler", message, "euler")


@rule(
    RULES,
    "error",
    "train.train_turbo",
    "datasets[].cache_latents",
    "datasets[].cache_latents_to_disk",
)
def turbo_needs_pixels(scope: Scope) -> Iterator[Problem]:
    """The decoded prediction is compared with the image itself."""
    if scope.process.train.train_turbo and caches_latents(scope):
        yield Problem("train.train_turbo", "needs the images, not cached latents", "false")


@rule(RULES, "error", "train.diffusion_feature_extractor_path")
def extractor_is_unknown(scope: Scope) -> Iterator[Problem]:
    """Of the named extractors there are v3 to v10; v1 and v2 are files."""
    train = scope.process.train
    name = train.feature_extractor
    if name and re.fullmatch(r"v\d+", name) and name not in EXTRACTORS:
        message = f"'{name}' is none of {EXTRACTORS[0]} to {EXTRACTORS[-1]}, nor a weights file"
        yield Problem(_extractor_path(scope), message)


@rule(RULES, "error", "train.diffusion_feature_extractor_path")
def extractor_needs_pixels(scope: Scope) -> Iterator[Problem]:
    """The named extractors look at pictures."""
    pixels = all(in_datasets("load_image_when_caching_latents", scope))
    if scope.process.train.feature_extractor in EXTRACTORS and caches_latents(scope) and not pixels:
        message = "needs the images beside cached latents: load_image_when_caching_latents"
        yield Problem(_extractor_path(scope), message)


@rule(
    RULES,
    "hint",
    "train.diffusion_feature_extractor_path",
    "train.latent_feature_extractor_path",
)
def two_extractors(scope: Scope) -> Iterator[Problem]:
    """Both names of one option."""
    train = scope.process.train
    both = train.diffusion_feature_extractor_path and train.latent_feature_extractor_path
    if both and train.diffusion_feature_extractor_path != train.latent_feature_extractor_path:
        message = "is not used: train.diffusion_feature_extractor_path is the same option and wins"
        yield Problem("train.latent_feature_extractor_path", message, "null")


def _extractor_path(scope: Scope) -> str:
    direct = scope.process.train.diffusion_feature_extractor_path
    name = "diffusion_feature_extractor_path" if direct else "latent_feature_extractor_path"
    return f"train.{name}"


@rule(RULES, "warning", "train.correct_pred_norm", "network")
def norm_of_what_cannot_be_switched_off(scope: Scope) -> Iterator[Problem]:
    """Without a network the untouched model and the trained one are the same."""
    if scope.process.train.correct_pred_norm and not can_switch_off(scope):
        message = "has no effect without a network or adapter: there is no untouched model to ask"
        yield Problem("train.correct_pred_norm", message, "false")


@rule(RULES, "warning", "train.adapter_assist_name_or_path")
def assistant_without_pictures(scope: Scope) -> Iterator[Problem]:
    """The assistant follows control images."""
    named = scope.process.train.adapter_assist_name_or_path
    if named and not any(in_datasets("control_folders", scope)):
        message = "has no effect: no dataset has control images (control_path)"
        yield Problem("train.adapter_assist_name_or_path", message, "null")


@rule(RULES, "error", "train.adapter_assist_name_or_path", "datasets[].control_path")
def assistant_of_one_picture(scope: Scope) -> Iterator[Problem]:
    """T2I-Adapters and ControlNets follow one control picture."""
    if scope.process.train.adapter_assist_name_or_path is None:
        return
    for path, dataset in scope.datasets():
        if len(dataset.control_folders) > 1:
            name = "control_path" if dataset.control_path else "control_path_1"
            message = "the assistant adapter follows one control picture: name one folder"
            yield Problem(f"{path}.{name}", message)


@rule(
    RULES,
    "error",
    "train.match_adapter_chance",
    "train.match_adapter_assist",
    "train.do_prior_divergence",
    "network",
)
def matching_the_assistant(scope: Scope) -> Iterator[Problem]:
    """The untouched model with the assistant is the target of the network without it."""
    train = scope.process.train
    if not (train.adapter_assist_name_or_path and train.matching_chance):
        return
    name = "match_adapter_chance" if train.match_adapter_chance else "match_adapter_assist"
    off = "0.0" if train.match_adapter_chance else "false"
    if scope.process.network is None:
        message = "needs a network: without it there is no untouched model to ask"
        yield Problem(f"train.{name}", message, off)
    if train.do_prior_divergence:
        message = "cannot be combined with train.do_prior_divergence, which leads away from it"
        yield Problem(f"train.{name}", message, off)


@rule(RULES, "hint", "train.validation_config.validation_items")
def validation_without_images(scope: Scope) -> Iterator[Problem]:
    """Validation is measured on images of its own."""
    config = scope.process.train.validation_config
    if config is not None and not config.validation_items:
        message = "there are no images to validate on"
        yield Problem("train.validation_config", message, "null")


@rule(RULES, "error", "train.do_cfg", "train.train_refiner")
def refiner_without_guidance(scope: Scope) -> Iterator[Problem]:
    """The refiner's doubled batch leaves no room for a second doubling."""
    train = scope.process.train
    if not value_at("model.refiner_name_or_path", scope):
        return
    for name in ("do_cfg", "do_random_cfg", "short_and_long_captions"):
        if getattr(train, name):
            message = "cannot be combined with model.refiner_name_or_path"
            yield Problem(f"train.{name}", message, "false")
