"""Rules on network types: which model they fit, and what each needs."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []
_KWARGS = "network.network_kwargs"


@rule(RULES, "error", "network.type", "model.arch")
def network_fits_the_model(scope: Scope) -> Iterator[Problem]:
    """Some types need convolutions or the blocks of a U-Net."""
    network, row = scope.process.network, scope.family
    if network is not None and network.type not in row.networks:
        message = f"{network.type} is not made for {row.label}; it takes {', '.join(row.networks)}"
        yield Problem("network.type", message, "lora")


@rule(RULES, "error", "network.lorm", "network.type")
def lorm_needs_its_settings(scope: Scope) -> Iterator[Problem]:
    """How much of each layer is left must be said."""
    network = scope.process.network
    if network is not None and network.type == "lorm" and network.lorm is None:
        message = "the type lorm needs a lorm: section, which says how much of a layer is left"
        yield Problem("network.type", message)


@rule(
    RULES, "error", "network.lorm.extract_mode", "network.lorm.extract_mode_param",
    "network.lorm.module_settings[].extract_mode_param",
)  # fmt: skip
def lorm_parameter(scope: Scope) -> Iterator[Problem]:
    """A rank for `fixed`, a share for the others."""
    network = scope.process.network
    if network is None or network.lorm is None:
        return
    outer = network.lorm
    rows = [("network.lorm", outer.extract_mode, outer.extract_mode_param)]
    for index, entry in enumerate(outer.module_settings):
        mode = entry.extract_mode or outer.extract_mode
        value = outer.extract_mode_param
        if entry.extract_mode_param is not None:
            value = entry.extract_mode_param
        rows.append((f"network.lorm.module_settings[{index}]", mode, value))
    for path, mode, value in rows:
        if mode == "fixed" and (value < 1 or not float(value).is_integer()):
            message = f"fixed needs a whole rank of at least 1, not {value:g}"
            yield Problem(f"{path}.extract_mode_param", message, str(max(round(value), 1)))
        elif mode in ("ratio", "quantile", "percentage") and value >= 1:
            message = f"{mode} needs a share below 1, not {value:g}"
            yield Problem(f"{path}.extract_mode_param", message, "0.25")


@rule(RULES, "error", "network.type", "model.quantize", "model.layer_offloading")
def lorm_needs_whole_weights(scope: Scope) -> Iterator[Problem]:
    """Layers are taken apart as they are."""
    network, model = scope.process.network, scope.process.model
    if network is None or network.type != "lorm":
        return
    for name in ("quantize", "layer_offloading"):
        if getattr(model, name):
            message = "cannot be combined with the network type lorm, which replaces the layers"
            yield Problem(f"model.{name}", message, "false")


@rule(RULES, "error", "network.type", "train.merge_network_on_save")
def type_cannot_be_merged(scope: Scope) -> Iterator[Problem]:
    """Only changes that add to a weight can be merged into it."""
    network = scope.process.network
    kinds = ("locon", "lorm", "dora")
    if network is not None and network.type in kinds and scope.process.train.merge_network_on_save:
        message = f"a network of type {network.type} is never merged into the model"
        yield Problem("train.merge_network_on_save", message, "false")


@rule(RULES, "error", "network.lokr_factor")
def lokr_factor_splits(scope: Scope) -> Iterator[Problem]:
    """A layer is split in at least two."""
    network = scope.process.network
    if network is not None and network.lokr_factor in (0, 1):
        message = "a layer is split by a factor of at least 2, or -1 for the most balanced split"
        yield Problem("network.lokr_factor", message, "-1")


@rule(RULES, "hint", "network.lokr_full_rank", "network.linear")
def rank_does_not_count(scope: Scope) -> Iterator[Problem]:
    """A full LoKr has no rank."""
    network = scope.process.network
    if network is None or network.type != "lokr" or not network.lokr_full_rank:
        return
    if scope.given("network.linear"):
        message = "does not count while lokr_full_rank is on; lokr_factor decides the size"
        yield Problem("network.linear", message)


@rule(
    RULES, "error", f"{_KWARGS}.peft_format", "network.all_layers", f"{_KWARGS}.full_if_contains",
)  # fmt: skip
def full_size_has_no_kohya_name(scope: Scope) -> Iterator[Problem]:
    """Transformers' kohya names are those of fused layers, where parts cannot be left out."""
    network = scope.process.network
    if network is None or scope.family.can(("kohya_keys",)):
        return
    full = network.all_layers or network.network_kwargs.full_if_contains
    if full and network.network_kwargs.peft_format is False:
        message = f"kohya names of {scope.family.label} have no place for full-size changes"
        yield Problem(f"{_KWARGS}.peft_format", message, "true")


@rule(RULES, "error", f"{_KWARGS}.full_train_in_out", "train.train_unet")
def in_and_out_of_a_frozen_model(scope: Scope) -> Iterator[Problem]:
    """The first and last layer are the denoiser's."""
    network = scope.process.network
    if network is None or not network.network_kwargs.full_train_in_out:
        return
    if not scope.process.train.train_unet:
        message = "retrains layers of the denoiser, which train.train_unet leaves alone"
        yield Problem(f"{_KWARGS}.full_train_in_out", message, "false")


@rule(RULES, "error", f"{_KWARGS}.use_cp", "network.conv", f"{_KWARGS}.peft_format")
def kernels_to_factorise(scope: Scope) -> Iterator[Problem]:
    """CP is about wide kernels, and its files have kohya's names."""
    network = scope.process.network
    if network is None or network.type != "locon" or not network.network_kwargs.use_cp:
        return
    if network.network_kwargs.peft_format:
        message = "the middle factor has no name in the diffusers layout, and nobody would read it"
        yield Problem(f"{_KWARGS}.use_cp", message, "false")
    kwargs = network.network_kwargs
    if not network.conv_rank and kwargs.conv_block_dims is None and kwargs.modules_dim is None:
        message = "needs convolutions, and network.conv is 0"
        yield Problem(f"{_KWARGS}.use_cp", message, "false")


@rule(RULES, "error", f"{_KWARGS}.modules_alpha", f"{_KWARGS}.modules_dim")
def alpha_of_an_unknown_layer(scope: Scope) -> Iterator[Problem]:
    """An alpha for a layer that gets no rank."""
    network = scope.process.network
    if network is None:
        return
    ranks = network.network_kwargs.modules_dim or {}
    alphas = network.network_kwargs.modules_alpha or {}
    missing = [name for name in alphas if name not in ranks]
    if ranks and missing:
        message = f"{missing[0]} has an alpha but no rank in modules_dim"
        yield Problem(f"{_KWARGS}.modules_alpha", message)


@rule(
    RULES, "error", f"{_KWARGS}.modules_dim", f"{_KWARGS}.block_dims", f"{_KWARGS}.conv_block_dims",
)  # fmt: skip
def explicit_ranks_or_those_by_block(scope: Scope) -> Iterator[Problem]:
    """Explicit ranks leave no layer for the others."""
    network = scope.process.network
    if network is None or network.network_kwargs.modules_dim is None:
        return
    for name in ("block_dims", "conv_block_dims"):
        if getattr(network.network_kwargs, name) is not None:
            message = "does not count beside modules_dim, which gives every rank itself"
            yield Problem(f"{_KWARGS}.{name}", message, "null")


@rule(RULES, "error", f"{_KWARGS}.block_dims", f"{_KWARGS}.conv_block_dims")
def no_block_left(scope: Scope) -> Iterator[Problem]:
    """All ranks are 0."""
    network = scope.process.network
    kwargs = network.network_kwargs if network is not None else None
    ranks = kwargs.block_dims if kwargs is not None else None
    others = bool(kwargs and kwargs.conv_block_dims and any(kwargs.conv_block_dims))
    if ranks is not None and not any(ranks) and not others:
        yield Problem(f"{_KWARGS}.block_dims", "every block is left out; nothing is trained")


@rule(RULES, "warning", f"{_KWARGS}.only_if_contains", f"{_KWARGS}.ignore_if_contains")
def filters_cancel_out(scope: Scope) -> Iterator[Problem]:
    """What must be in a name must not be in it."""
    network = scope.process.network
    if network is None:
        return
    skipped = network.network_kwargs.ignore_if_contains
    for text in network.network_kwargs.only_if_contains or ():
        if any(other in text for other in skipped):
            message = f"'{text}' is asked for, but ignore_if_contains takes it out again"
            yield Problem(f"{_KWARGS}.only_if_contains", message)
