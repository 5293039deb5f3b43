"""Rules on the trainers of autoencoders and upscalers."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from schema.findings import nearest
from schema.option import meta_of, spellings
from schema.rules.rule import Problem, ProcessScope, Rule, rule
from schema.sections.processes.esrgan import EsrganProcess
from schema.sections.processes.pictures import PictureTrainer
from schema.sections.processes.vae import VaeProcess
from schema.sections.train import Train

RULES: list[Rule] = []


@rule(RULES, "error", "epochs", "max_steps")
def an_end_is_needed(scope: ProcessScope) -> Iterator[Problem]:
    """Training ends at the smaller of the two; one must be given."""
    process = scope.process
    if isinstance(process, PictureTrainer) and process.epochs is None and process.max_steps is None:
        yield Problem("max_steps", "is required, or epochs: when training ends", "1000")


@rule(RULES, "error", "optimizer", "optimizer_params", "critic.optimizer")
def optimizer_is_known(scope: ProcessScope) -> Iterator[Problem]:
    """Optimizers and their settings are those of train.optimizer."""
    process = scope.process
    if not isinstance(process, PictureTrainer):
        return
    yield from _optimizer(process.optimizer, process.optimizer_params, "")
    if process.use_critic:
        critic = process.critic
        yield from _optimizer(critic.optimizer, critic.optimizer_params, "critic.")


def _optimizer(name: str, params: dict[str, Any], prefix: str) -> Iterator[Problem]:
    known = spellings(meta_of(Train.model_fields["optimizer"]))
    if name.lower() not in known:
        near = nearest(name, map(str, known.values()))
        message = f"there is no optimizer '{name}'; known are {', '.join(map(str, known))}"
        yield Problem(f"{prefix}optimizer", message, near)
        return
    try:
        Train.model_validate({"optimizer": name, "optimizer_params": params})
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False):
            key = str(fault["loc"][-1])
            words = "is no setting of" if fault["type"] == "extra_forbidden" else "does not suit"
            message = f"{key} {words} the optimizer {name}"
            yield Problem(f"{prefix}optimizer_params.{key}", message)


@rule(RULES, "warning", "sample_every", "sample_sources")
def previews_need_pictures(scope: ProcessScope) -> Iterator[Problem]:
    """Previews are made of given pictures."""
    process = scope.process
    if isinstance(process, PictureTrainer) and process.sample_every and not process.sample_sources:
        message = "no previews are made without sample_sources: the pictures to show"
        yield Problem("sample_every", message)


@rule(RULES, "error", "vae_path", "vae_config")
def a_vae_to_start_from(scope: ProcessScope) -> Iterator[Problem]:
    """A model to go on with, or the settings of a new one."""
    process = scope.process
    if isinstance(process, VaeProcess) and process.vae_path is None and process.vae_config is None:
        message = "is required, or vae_config for a new one: the autoencoder to train"
        yield Problem("vae_path", message)


@rule(RULES, "error", "kld_weight", "vae_type")
def tiny_has_no_distribution(scope: ProcessScope) -> Iterator[Problem]:
    """Tiny autoencoders have no latent distribution for the KL term."""
    process = scope.process
    if (
        isinstance(process, VaeProcess)
        and process.kld_weight
        and process.vae_type.startswith("AutoencoderTiny")
    ):
        yield Problem("kld_weight", f"{process.vae_type} has no latent distribution", "0.0")


@rule(RULES, "warning", "train_encoder", "blocks_to_train")
def encoder_trains_with_all(scope: ProcessScope) -> Iterator[Problem]:
    """The encoder joins only where the whole decoder is trained."""
    process = scope.process
    if not isinstance(process, VaeProcess) or "all" in process.blocks_to_train:
        return
    if process.train_encoder:
        message = "has no effect while blocks_to_train does not hold all"
        yield Problem("train_encoder", message, "false")


@rule(RULES, "error", "mse_weight", "mae_weight", "lpips_weight")
def a_loss_is_needed(scope: ProcessScope) -> Iterator[Problem]:
    """Weights of zero everywhere teach nothing."""
    process = scope.process
    if not isinstance(process, PictureTrainer):
        return
    weights = [name for name in type(process).model_fields if name.endswith("_weight")]
    if not process.use_critic:
        weights.remove("critic_weight")
    if not any(getattr(process, name) for name in weights):
        yield Problem("mse_weight", "all losses have the weight 0: nothing is learned", "1.0")


@rule(RULES, "error", "resolution", "zoom")
def sizes_divide(scope: ProcessScope) -> Iterator[Problem]:
    """Sides are multiples of what the model shrinks or enlarges by."""
    process = scope.process
    if isinstance(process, VaeProcess) and process.resolution % 8:
        message = f"{process.resolution} is no multiple of 8"
        yield Problem("resolution", message, str(max(16, process.resolution // 8 * 8)))
    if not isinstance(process, EsrganProcess):
        return
    if process.zoom % 2:
        yield Problem("zoom", f"{process.zoom} is odd; an upscaler doubles", str(process.zoom + 1))
    elif process.resolution % process.zoom:
        rest = process.resolution // process.zoom * process.zoom
        message = f"{process.resolution} is no multiple of the upscale factor {process.zoom}"
        yield Problem("resolution", message, str(max(process.zoom, rest)))
