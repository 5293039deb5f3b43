"""Rules on the network and the model it stands beside."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


@rule(RULES, "warning", "network.linear", "network.conv")
def rank_is_large(scope: Scope) -> Iterator[Problem]:
    """Ranks beyond 256 cost more than they bring."""
    network = scope.process.network
    if network is None:
        return
    for name, rank in (("linear", network.linear), ("conv", network.conv or 0)):
        if rank > 256:
            message = f"a rank of {rank} makes large files and seldom helps; 4 to 128 is usual"
            yield Problem(f"network.{name}", message)


@rule(
    RULES,
    "warning",
    "network.network_kwargs.peft_format",
    "network.alpha",
    "network.linear_alpha",
    "network.conv_alpha",
    "model.arch",
)
def alpha_is_not_kept(scope: Scope) -> Iterator[Problem]:
    """The diffusers key layout, which most families have in any case, has no place for alpha."""
    network = scope.process.network
    if network is None or (_keeps_alpha(scope) and not network.network_kwargs.peft_format):
        return
    reason = "with peft_format" if _keeps_alpha(scope) else f"with {scope.family.label}"
    for name, rank in (
        ("linear_alpha", network.linear),
        ("alpha", network.linear),
        ("conv_alpha", network.conv),
    ):
        alpha = getattr(network, name)
        if scope.given(f"network.{name}") and alpha not in (0, None, rank):
            message = f"is not used: {reason} alpha is the rank ({rank}) and the scale 1"
            yield Problem(f"network.{name}", message, str(rank))


@rule(
    RULES,
    "error",
    "train.train_text_encoder",
    "model.use_text_encoder_1",
    "model.use_text_encoder_2",
    "model.arch",
)
def t5_is_not_trained(scope: Scope) -> Iterator[Problem]:
    """Of two text encoders the large one stays as it is; then CLIP must be among the trained."""
    row, model = scope.family, scope.process.model
    kinds = [encoder.name for encoder in row.encoders]
    if not scope.process.train.train_text_encoder or not any("T5" in kind for kind in kinds):
        return
    chosen = (model.use_text_encoder_1, model.use_text_encoder_2)
    left = [kind for kind, use in zip(kinds, chosen, strict=False) if use and "T5" not in kind]
    if not left and any(chosen):
        message = f"leaves {row.label} nothing to train of its text encoders: T5 is never trained"
        yield Problem("model.use_text_encoder_1", message, "true")


def _keeps_alpha(scope: Scope) -> bool:
    return scope.family.can(("kohya_keys",))


@rule(RULES, "warning", "network.alpha", "network.linear_alpha")
def alpha_is_overruled(scope: Scope) -> Iterator[Problem]:
    """The older key stands for linear_alpha, which counts where both are given."""
    network = scope.process.network
    if network is None or network.linear_alpha is None or not scope.given("network.alpha"):
        return
    if network.alpha != network.linear_alpha:
        message = f"has no effect: network.linear_alpha ({network.linear_alpha:g}) counts"
        yield Problem("network.alpha", message, f"{network.linear_alpha:g}")


@rule(RULES, "hint", "network.linear", "network.alpha", "network.linear_alpha")
def scale_is_small(scope: Scope) -> Iterator[Problem]:
    """alpha far below the rank slows learning without saying so."""
    network = scope.process.network
    full = network is not None and network.type == "lokr" and network.lokr_full_rank
    if network is None or full or not _keeps_alpha(scope):
        return
    if network.linear_scale < 0.1:
        path = "network.linear_alpha" if network.linear_alpha is not None else "network.alpha"
        message = f"alpha / rank is {network.linear_scale:.3g}: the change is scaled down by that"
        yield Problem(path, message, str(network.linear))
