"""Rules on the base model: its family, its parts, and what goes together with it."""

import os
from collections.abc import Iterator

from schema.families import FAMILIES, FLAGS, IMPLIED_FLAGS
from schema.option_at import option_at
from schema.rules.lookup import trains_refiner
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []

_REFUSED = (
    "model.is_v_pred", "model.vae_path", "model.attn_masking", "model.split_model_over_gpus",
    "model.accuracy_recovery_adapter", "network.network_kwargs.full_train_in_out",
)  # fmt: skip
"""Options that another family cannot follow, where going on without them would mislead."""


@rule(RULES, "error", "model.arch", *(f"model.{flag}" for flag in FLAGS))
def flag_names_another_family(scope: Scope) -> Iterator[Problem]:
    """An older flag that is on and does not mean the family of `arch` or of the other flags."""
    arch = scope.process.model.arch
    for flag, meant in FLAGS.items():
        fits = meant == arch or flag in IMPLIED_FLAGS.get(arch, ())
        if getattr(scope.process.model, flag) and not fits:
            message = f"means {meant}, but the model is of the family {arch}"
            yield Problem(f"model.{flag}", message, "false")


@rule(RULES, "error", "model.model_kwargs", *_REFUSED)
def not_of_this_family(scope: Scope) -> Iterator[Problem]:
    """Options that belong to other families and would be missed if nobody said so."""
    extra = scope.process.model.model_kwargs
    names = [name for name in type(extra).model_fields if name in extra.model_fields_set]
    for path in (*_REFUSED, *(f"model.model_kwargs.{name}" for name in names)):
        info = option_at(path, scope.process.type)
        reason = scope.family.lacks(info.applies_to) if info is not None else None
        if info is None or reason is None or not scope.given(path):
            continue
        if _at(scope, path) != info.default:
            yield Problem(path, f"does not fit {scope.family.label}: {reason}", None)


def _at(scope: Scope, path: str) -> object:
    value: object = scope.process
    for part in path.split("."):
        value = getattr(value, part, None)
    return value


@rule(RULES, "error", "model.refiner_name_or_path", "train.do_cfg", "train.single_item_batching")
def refiner_trains_plainly(scope: Scope) -> Iterator[Problem]:
    """The refiner takes half of each batch, without guidance."""
    if not scope.process.model.refiner_name_or_path:
        return
    for name in ("do_cfg", "single_item_batching"):
        if getattr(scope.process.train, name):
            message = "cannot be combined with model.refiner_name_or_path"
            yield Problem(f"train.{name}", message, "false")


@rule(
    RULES, "error", "model.refiner_start_at", "train.min_denoising_steps", "train.train_refiner",
)  # fmt: skip
def each_model_has_noise_levels(scope: Scope) -> Iterator[Problem]:
    """The range of noise levels is split between base and refiner."""
    model, train = scope.process.model, scope.process.train
    border = round(train.max_denoising_steps * model.refiner_start_at)
    if not trains_refiner(scope) or not train.train_unet:
        return
    if not train.min_denoising_steps < border < train.max_denoising_steps:
        message = "leaves the base or the refiner no noise level between "
        limits = f"{train.min_denoising_steps} and {train.max_denoising_steps}"
        yield Problem("model.refiner_start_at", f"{message}{limits}")


@rule(RULES, "error", "model.experimental_xl")
def experiment_without_content(scope: Scope) -> Iterator[Problem]:
    """The reference trainer widens a copy of the weights and throws it away."""
    if scope.process.model.experimental_xl:
        message = "is refused: the experiment behind it never took effect in the reference trainer"
        yield Problem("model.experimental_xl", f"{message}, and nothing else is defined", "false")


@rule(RULES, "error", "model.lora_path", "model.assistant_lora_path")
def base_or_assistant_lora(scope: Scope) -> Iterator[Problem]:
    """Two LoRAs under the trained one, of which one would be taken away for previews."""
    model = scope.process.model
    if model.lora_path and model.assistant_lora_path:
        message = "pick one: lora_path changes the base for good, the assistant while training"
        yield Problem("model.assistant_lora_path", message, "null")


@rule(RULES, "error", "model.inference_lora_path", "model.assistant_lora_path")
def assistant_or_preview_lora(scope: Scope) -> Iterator[Problem]:
    """One helps while training, the other in previews; they were made for different bases."""
    model = scope.process.model
    if model.inference_lora_path and model.assistant_lora_path:
        message = "pick one: previews run without the assistant and would need it for this"
        yield Problem("model.inference_lora_path", message, "null")


@rule(
    RULES, "error", "model.vae_path", "model.te_name_or_path", "model.model_kwargs.vae_path",
    "model.model_kwargs.text_encoder_path",
)  # fmt: skip
def part_is_given_twice(scope: Scope) -> Iterator[Problem]:
    """The same part from two places."""
    model = scope.process.model
    pairs = (
        ("vae_path", model.vae_path, "vae_path", model.model_kwargs.vae_path),
        (
            "te_name_or_path",
            model.te_name_or_path,
            "text_encoder_path",
            model.model_kwargs.text_encoder_path,
        ),
    )
    for name, general, own, special in pairs:
        if general and special and general != special:
            message = f"model.{name} names another place ({general}); keep one of the two"
            yield Problem(f"model.model_kwargs.{own}", message, "null")


@rule(
    RULES, "error", "model.use_text_encoder_1", "model.use_text_encoder_2",
    "train.train_text_encoder",
)  # fmt: skip
def no_text_encoder_left(scope: Scope) -> Iterator[Problem]:
    """Text encoders are trained, but neither of the two."""
    model = scope.process.model
    neither = not (model.use_text_encoder_1 or model.use_text_encoder_2)
    if scope.process.train.train_text_encoder and neither and _two_encoders(scope):
        message = "train_text_encoder is on, but neither text encoder takes part"
        yield Problem("model.use_text_encoder_1", message, "true")


def _two_encoders(scope: Scope) -> bool:
    return scope.family.can(("second_text_encoder",))


@rule(RULES, "error", "model.te_dtype", "train.dtype", "model.arch")
def t5_overflows(scope: Scope) -> Iterator[Problem]:
    """T5 gives no numbers in float16."""
    model, train = scope.process.model, scope.process.train
    if not any("T5" in encoder.name for encoder in scope.family.encoders):
        return
    message = "the T5 text encoder overflows in float16"
    if model.te_dtype == "float16":
        yield Problem("model.te_dtype", message, "bf16")
    elif model.te_dtype is None and train.dtype == "fp16":
        yield Problem("train.dtype", f"{message} (or set model.te_dtype)", "bf16")


@rule(RULES, "warning", "model.dtype", "model.arch")
def half_precision_of_a_flow_model(scope: Scope) -> Iterator[Problem]:
    """Flow models were made in bf16, whose range float16 does not have."""
    if scope.process.model.dtype == "float16" and scope.family.can(("flow",)):
        message = f"float16 overflows easily with {scope.family.label}"
        yield Problem("model.dtype", message, "bf16")


@rule(
    RULES, "error", "model.ignore_if_contains", "model.only_if_contains", "network.linear",
)  # fmt: skip
def filter_is_for_full_training(scope: Scope) -> Iterator[Problem]:
    """A network has filters of its own."""
    for name in ("ignore_if_contains", "only_if_contains"):
        if getattr(scope.process.model, name) is not None and scope.process.network is not None:
            message = "is for full fine-tuning; a network is filtered by "
            place = f"network.network_kwargs.{name}"
            yield Problem(f"model.{name}", f"{message}{place}", place)


@rule(RULES, "error", "model.only_if_contains")
def filter_lets_nothing_through(scope: Scope) -> Iterator[Problem]:
    """An empty list of what to train."""
    if scope.process.model.only_if_contains == []:
        message = "an empty list trains nothing; leave the option out to train all"
        yield Problem("model.only_if_contains", message, "null")


@rule(RULES, "error", "model.use_flux_cfg", "train.do_guidance_loss")
def guidance_is_real_or_distilled(scope: Scope) -> Iterator[Problem]:
    """One trains without the distilled guidance, the other through it."""
    if scope.process.model.use_flux_cfg and scope.process.train.do_guidance_loss:
        message = "cannot be combined with train.do_guidance_loss, which needs the guidance input"
        yield Problem("model.use_flux_cfg", message, "false")


@rule(RULES, "hint", "model.block_compile", "model.compile")
def compiling_block_by_block(scope: Scope) -> Iterator[Problem]:
    """A whole model takes minutes to compile."""
    model = scope.process.model
    if model.compile and not model.block_compile and scope.family.blocks:
        message = "a whole model compiles for minutes; with block_compile it starts much faster"
        yield Problem("model.compile", message)


@rule(RULES, "warning", "model.compile_dynamic", "model.compile", "datasets[].buckets")
def compiled_once_for_each_size(scope: Scope) -> Iterator[Problem]:
    """Buckets have many sizes."""
    model = scope.process.model
    buckets = any(dataset.buckets for _, dataset in scope.datasets())
    if model.compile and not model.compile_dynamic and buckets:
        message = "every bucket size is compiled on its own; true compiles once"
        yield Problem("model.compile_dynamic", message, "true")


@rule(RULES, "warning", "model.compile_fullgraph", "model.quantize", "model.layer_offloading")
def full_graph_is_off(scope: Scope) -> Iterator[Problem]:
    """Streamed quantized layers cannot be compiled in one piece."""
    model = scope.process.model
    if model.compile_fullgraph and model.quantize and model.layer_offloading:
        message = "is off in any case for a model that is both quantized and offloaded"
        yield Problem("model.compile_fullgraph", message, "false")


@rule(RULES, "hint", "model.name_or_path", "model.assistant_lora_path", "model.model_kwargs.edit")
def goes_with_this_model(scope: Scope) -> Iterator[Problem]:
    """Values that a variant of the family is usually trained with."""
    name = scope.process.model.name_or_path
    for variant in scope.family.variants.values():
        if variant.repository == name and name != scope.family.repository:
            for path, value in variant.suggests.items():
                if not scope.given(path) and path.startswith("model.assistant"):
                    message = f"{variant.label}: {path} is usually set with it"
                    yield Problem("model.name_or_path", message, f"{path}: {value}")
            return


@rule(RULES, "hint", "network.network_kwargs.ignore_if_contains", "model.arch")
def layers_usually_left_out(scope: Scope) -> Iterator[Problem]:
    """Layers that the family is usually trained without."""
    path = "network.network_kwargs.ignore_if_contains"
    usual = scope.family.suggests.get(path)
    if usual and scope.process.network is not None and not scope.given(path):
        message = f"{scope.family.label} is usually trained without {' and '.join(usual)}"
        yield Problem("network", message, f"{path}: [{', '.join(usual)}]")


@rule(RULES, "warning", "model.name_or_path", "model.arch")
def name_sounds_like_another_family(scope: Scope) -> Iterator[Problem]:
    """The repository is the usual one of another family."""
    name = scope.process.model.name_or_path
    if name in scope.family.repositories or os.path.exists(name):
        return
    homes = {place: row for row in FAMILIES.values() for place in row.repositories}
    other = homes.get(name)
    if other is not None:
        message = f"{name} is {other.label}, not {scope.family.label}"
        yield Problem("model.arch", message, other.arch)
