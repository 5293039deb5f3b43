"""Rules on batches, accumulation, clipping, merging, precision and kernels."""

from collections.abc import Iterator

from schema.rules.lookup import in_datasets, value_at
from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.train import Train
from schema.sections.train.optimizers import Automagic3Params, AutomagicExperimentParams

RULES: list[Rule] = []
_ON_ANY_DEVICE = ("native", "_native_math", "_native_flash")

SWAPPABLE = ("adafactor", "automagic")
"""Optimizers that live with weights that come and go."""


def inside_backward(train: Train) -> bool:
    """Whether the optimizer updates each tensor as soon as its gradient is there."""
    params = train.optimizer_params
    if isinstance(params, Automagic3Params | AutomagicExperimentParams):
        return params.fused
    return train.optimizer == "automagic2"


@rule(RULES, "error", "train.min_batch_size", "train.max_batch_size", "train.batch_size")
def batch_sizes_in_order(scope: Scope) -> Iterator[Problem]:
    """Automatic batches go from the smallest over the usual to the largest."""
    train = scope.process.train
    if not train.auto_scale_batch_size:
        return
    size = train.batch_size
    if train.min_batch_size > size:
        message = f"{train.min_batch_size} is above train.batch_size ({size})"
        yield Problem("train.min_batch_size", message, str(size))
    if train.max_batch_size is not None and train.max_batch_size < size:
        message = f"{train.max_batch_size} is below train.batch_size ({size})"
        yield Problem("train.max_batch_size", message, str(size))


@rule(RULES, "error", "train.auto_scale_batch_size", "train.single_item_batching")
def automatic_batches_of_one(scope: Scope) -> Iterator[Problem]:
    """Batches that are split into single items need no automatic size."""
    train = scope.process.train
    if train.auto_scale_batch_size and train.single_item_batching:
        message = "cannot be combined with train.single_item_batching, which splits every batch"
        yield Problem("train.auto_scale_batch_size", message, "false")


@rule(RULES, "error", "train.auto_scale_batch_size", "datasets[].buckets")
def automatic_batches_of_a_dataset(scope: Scope) -> Iterator[Problem]:
    """A dataset that fixes its own batch size cannot follow."""
    if not scope.process.train.auto_scale_batch_size:
        return
    for path, dataset in scope.datasets():
        if value_at(f"{path}.batch_size", scope) is not None and not dataset.buckets:
            message = f"cannot be combined with {path}.batch_size without buckets"
            yield Problem("train.auto_scale_batch_size", message, "false")


@rule(RULES, "error", "train.do_paramiter_swapping", "train.optimizer")
def swapping_needs_its_optimizer(scope: Scope) -> Iterator[Problem]:
    """Most optimizers cannot live with weights that come and go."""
    train = scope.process.train
    if train.do_paramiter_swapping and train.optimizer not in SWAPPABLE:
        message = f"needs the optimizer {' or '.join(SWAPPABLE)}, found {train.optimizer}"
        yield Problem("train.do_paramiter_swapping", message, "false")


@rule(RULES, "error", "train.do_paramiter_swapping", "train.gradient_accumulation_steps")
def swapping_while_accumulating(scope: Scope) -> Iterator[Problem]:
    """The active weights change at every step, so gradients cannot add up over steps."""
    train = scope.process.train
    if train.do_paramiter_swapping and train.gradient_accumulation_steps != 1:
        message = "cannot be combined with train.do_paramiter_swapping; use gradient_accumulation"
        yield Problem("train.gradient_accumulation_steps", message, "1")


@rule(
    RULES,
    "error",
    "train.optimizer",
    "train.optimizer_params.fused",
    "train.gradient_accumulation",
    "train.gradient_accumulation_steps",
)
def no_accumulation_inside_backward(scope: Scope) -> Iterator[Problem]:
    """An optimizer that updates at once has nothing to accumulate."""
    train = scope.process.train
    if not inside_backward(train):
        return
    fused = train.optimizer != "automagic2"
    repair = " (or optimizer_params.fused: false)" if fused else ""
    message = f"{train.optimizer} updates inside the backward pass and cannot accumulate{repair}"
    for name in ("gradient_accumulation", "gradient_accumulation_steps"):
        if getattr(train, name) != 1:
            yield Problem(f"train.{name}", message, "1")


@rule(RULES, "error", "train.optimizer", "train.optimizer_params.fused", "train.dtype")
def no_loss_scale_inside_backward(scope: Scope) -> Iterator[Problem]:
    """The gradients of fp16 are scaled up, and only whole ones can be scaled back."""
    train = scope.process.train
    if inside_backward(train) and train.dtype == "fp16":
        message = f"{train.optimizer} updates inside the backward pass, before fp16 is scaled back"
        yield Problem("train.dtype", message, "bf16")


@rule(RULES, "hint", "train.optimizer", "train.max_grad_norm")
def no_clipping_inside_backward(scope: Scope) -> Iterator[Problem]:
    """An optimizer that updates at once never sees the whole gradient."""
    train = scope.process.train
    if inside_backward(train) and train.max_grad_norm and scope.given("train.max_grad_norm"):
        message = f"is not used: {train.optimizer} updates inside the backward pass"
        yield Problem("train.max_grad_norm", message)


@rule(RULES, "error", "train.single_item_batching", "train.train_refiner")
def single_items_with_a_refiner(scope: Scope) -> Iterator[Problem]:
    """The refiner's half of a batch belongs to the base model's half."""
    if scope.process.train.single_item_batching and value_at("model.refiner_name_or_path", scope):
        message = "cannot be combined with model.refiner_name_or_path"
        yield Problem("train.single_item_batching", message, "false")


@rule(RULES, "error", "train.single_item_batching", "train.short_and_long_captions")
def single_items_with_two_captions(scope: Scope) -> Iterator[Problem]:
    """Doubled batches come in pairs."""
    train = scope.process.train
    if train.single_item_batching and train.short_and_long_captions:
        message = "cannot be combined with train.short_and_long_captions, which doubles batches"
        yield Problem("train.single_item_batching", message, "false")


@rule(RULES, "error", "datasets[].gpu_prefetch_batches", "train.auto_scale_batch_size")
def batches_of_unknown_size_ahead(scope: Scope) -> Iterator[Problem]:
    """How large the batch after the next one will be is seen when the next one is done."""
    for path, dataset in scope.datasets():
        if dataset.gpu_prefetch_batches and scope.process.train.auto_scale_batch_size:
            message = "cannot be combined with train.auto_scale_batch_size: sizes are not known yet"
            yield Problem(f"{path}.gpu_prefetch_batches", message, "0")


@rule(RULES, "error", "train.weight_jitter", "network")
def jitter_without_a_network(scope: Scope) -> Iterator[Problem]:
    """The jitter is one of the network's strength."""
    if scope.process.train.weight_jitter and scope.process.network is None:
        yield Problem("train.weight_jitter", "needs a network, whose strength it varies", "0.0")


@rule(RULES, "error", "train.xformers", "train.attention_backend")
def two_attentions(scope: Scope) -> Iterator[Problem]:
    """The older switch and another backend."""
    train = scope.process.train
    if train.xformers and train.attention_backend not in ("native", "xformers"):
        message = f"train.attention_backend asks for {train.attention_backend}; choose one"
        yield Problem("train.xformers", message, "false")


@rule(RULES, "error", "train.attention_backend")
def attention_that_cannot_train(scope: Scope) -> Iterator[Problem]:
    """8-bit attention has no backward pass."""
    backend = scope.process.train.attention_backend
    if "sage" in backend:
        yield Problem("train.attention_backend", f"{backend} has no backward pass", "native")


@rule(RULES, "error", "train.attention_backend", "device")
def attention_of_other_machines(scope: Scope) -> Iterator[Problem]:
    """The engine trains on CUDA GPUs, Macs and CPUs."""
    backend, device = scope.process.train.attention_backend, scope.process.device
    path = "train.attention_backend"
    if backend in ("_native_npu", "_native_xla"):
        yield Problem(path, f"{backend} is for hardware that the engine does not use", "native")
    elif backend not in _ON_ANY_DEVICE and device is not None and not device.startswith("cuda"):
        yield Problem(path, f"{backend} needs a CUDA GPU, and device is {device}", "native")


@rule(RULES, "error", "train.attention_backend", "train.dtype")
def flash_attention_in_half_precision(scope: Scope) -> Iterator[Problem]:
    """These kernels have no float32."""
    train = scope.process.train
    half = "flash" in train.attention_backend or "cudnn" in train.attention_backend
    on_cpu = scope.process.device == "cpu"
    if (half or "aiter" in train.attention_backend) and train.dtype == "fp32" and not on_cpu:
        message = f"{train.attention_backend} computes in 16 bits alone, and train.dtype is fp32"
        yield Problem("train.attention_backend", message, "native")


@rule(RULES, "error", "train.dtype")
def no_training_in_eight_bits(scope: Scope) -> Iterator[Problem]:
    """Latents and noise cannot be computed in float8."""
    if scope.process.train.dtype == "float8":
        message = "latents and noise cannot be computed in 8 bits; quantize the model instead"
        yield Problem("train.dtype", message, "bf16")


@rule(RULES, "error", "train.merge_network_on_save", "train.ema_config.use_ema")
def merging_an_average(scope: Scope) -> Iterator[Problem]:
    """What was merged once would be merged again with the average."""
    train = scope.process.train
    if train.merge_network_on_save and train.ema_config.use_ema:
        message = "cannot be combined with train.ema_config.use_ema: the effect would count twice"
        yield Problem("train.merge_network_on_save", message, "false")


@rule(RULES, "error", "train.merge_network_on_save")
def merging_into_offloaded_layers(scope: Scope) -> Iterator[Problem]:
    """Weights that are elsewhere cannot be changed."""
    if scope.process.train.merge_network_on_save and value_at("model.layer_offloading", scope):
        message = "cannot be combined with model.layer_offloading"
        yield Problem("train.merge_network_on_save", message, "false")


@rule(RULES, "warning", "train.start_step", "train.steps")
def start_after_the_end(scope: Scope) -> Iterator[Problem]:
    """A run that begins at its end trains nothing."""
    train = scope.process.train
    if train.start_step is not None and train.start_step >= train.steps:
        message = f"{train.start_step} is not below train.steps ({train.steps}): nothing is trained"
        yield Problem("train.start_step", message, "0")


@rule(RULES, "warning", "train.reg_weight", "train.content_or_style_reg")
def nothing_is_regularized(scope: Scope) -> Iterator[Problem]:
    """Options of regularization images without such images."""
    if any(in_datasets("is_reg", scope)):
        return
    train = scope.process.train
    for name, off in (("reg_weight", 1.0), ("content_or_style_reg", None)):
        if getattr(train, name) != off:
            message = "has no effect: no dataset is a regularization set (is_reg)"
            yield Problem(f"train.{name}", message)


@rule(RULES, "hint", "train.switch_boundary_every", "train.gradient_accumulation")
def stage_splits_an_update(scope: Scope) -> Iterator[Problem]:
    """Both experts would share one update."""
    train = scope.process.train
    every, batches = train.switch_boundary_every, train.gradient_accumulation
    if scope.family.can(("two_experts",)) and batches > 1 and every % batches:
        message = (
            f"is counted in micro-batches and is no multiple of gradient_accumulation ({batches})"
        )
        yield Problem("train.switch_boundary_every", message, str(batches))
