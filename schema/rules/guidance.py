"""Rules on guidance while training."""

from collections.abc import Iterator

from schema.rules.lookup import captions_fixed, in_datasets, value_at
from schema.rules.rule import Problem, Rule, Scope, rule
from schema.words import number

RULES: list[Rule] = []

_SWITCHES = ("do_cfg", "do_random_cfg")


@rule(RULES, "warning", "train.do_random_cfg", "train.max_cfg_scale")
def random_guidance_without_a_range(scope: Scope) -> Iterator[Problem]:
    """From 1 to 1 there is nothing to draw."""
    train = scope.process.train
    if train.do_random_cfg and train.max_cfg_scale <= 1:
        message = "has no effect while train.max_cfg_scale is 1"
        yield Problem("train.do_random_cfg", message, "false")


@rule(RULES, "warning", "train.do_cfg", "train.cfg_scale")
def guidance_of_one(scope: Scope) -> Iterator[Problem]:
    """At scale 1 the guided prediction is the plain one, at twice the cost."""
    train = scope.process.train
    if train.do_cfg and not train.do_random_cfg and train.cfg_scale == 1:
        message = "has no effect while train.cfg_scale is 1, and costs twice the time"
        yield Problem("train.do_cfg", message, "false")


@rule(
    RULES,
    "warning",
    "train.cfg_scale",
    "train.do_cfg",
    "train.do_random_cfg",
    "train.bypass_guidance_embedding",
    "model.use_flux_cfg",
    "model.arch",
)
def guidance_scale_for_nobody(scope: Scope) -> Iterator[Problem]:
    """The scale is for CFG training and for models that are told it."""
    train, model = scope.process.train, scope.process.model
    if train.cfg_scale == 1 or any(getattr(train, name) for name in _SWITCHES):
        return
    if not scope.family.can(("guidance_embedding",)):
        message = "has no effect without train.do_cfg: this model has no guidance input to tell it"
        yield Problem("train.cfg_scale", message, "1.0")
    elif train.bypass_guidance_embedding or model.use_flux_cfg:
        message = "has no effect: the guidance input is left out, and train.do_cfg is off"
        yield Problem("train.cfg_scale", message, "1.0")


@rule(
    RULES,
    "error",
    "train.do_cfg",
    "train.do_random_cfg",
    "train.adapter_assist_type",
    "train.adapter_assist_name_or_path",
)
def guidance_with_a_control_net(scope: Scope) -> Iterator[Problem]:
    """A ControlNet's residuals are made for one half of the doubled batch."""
    train = scope.process.train
    assistant = train.adapter_assist_name_or_path and train.adapter_assist_type == "control_net"
    if not assistant and value_at("adapter.type", scope) != "control_net":
        return
    for name in _SWITCHES:
        if getattr(train, name):
            yield Problem(f"train.{name}", "cannot be combined with a ControlNet", "false")


@rule(RULES, "error", "train.do_cfg", "train.do_random_cfg")
def guidance_with_guided_datasets(scope: Scope) -> Iterator[Problem]:
    """Pairs of pictures have guidance of their own; two kinds of it bear CFG training."""
    kinds = in_datasets("guidance_type", scope)
    pairs = in_datasets("unconditional_path", scope)
    bad = [
        kind for kind, pair in zip(kinds, pairs) if pair and kind not in ("direct", "targeted_flow")
    ]
    for name in _SWITCHES:
        if bad and getattr(scope.process.train, name):
            message = f"cannot be combined with datasets[].guidance_type: {bad[0]}"
            yield Problem(f"train.{name}", message, "false")


@rule(RULES, "error", "train.guidance_loss_target")
def guidance_range_in_order(scope: Scope) -> Iterator[Problem]:
    """The lower end first."""
    target = scope.process.train.guidance_loss_target
    if isinstance(target, list) and target[0] > target[1]:
        low, high = number(target[1]), number(target[0])
        message = f"the first number ({high}) is above the second ({low})"
        yield Problem("train.guidance_loss_target", message, f"[{low}, {high}]")


@rule(RULES, "error", "train.bypass_guidance_embedding", "train.do_guidance_loss")
def guidance_loss_needs_the_input(scope: Scope) -> Iterator[Problem]:
    """The guidance loss tells the model its target through the guidance input."""
    train = scope.process.train
    if train.bypass_guidance_embedding and train.do_guidance_loss:
        message = "cannot be combined with train.do_guidance_loss, which uses that input"
        yield Problem("train.bypass_guidance_embedding", message, "false")


@rule(
    RULES,
    "warning",
    "train.negative_prompt",
    "train.cache_text_embeddings",
    "train.unload_text_encoder",
)
def negative_prompt_is_not_read(scope: Scope) -> Iterator[Problem]:
    """It is encoded at every step, for which the text encoder must be there."""
    fixed = captions_fixed(scope)
    if scope.process.train.negative_prompt and fixed:
        yield Problem("train.negative_prompt", f"is not read with {fixed}", "null")


@rule(RULES, "hint", "train.differential_guidance_scale", "train.do_differential_guidance")
def differential_guidance_of_one(scope: Scope) -> Iterator[Problem]:
    """At 1 the target stays where it is."""
    train = scope.process.train
    if train.do_differential_guidance and train.differential_guidance_scale == 1:
        yield Problem("train.differential_guidance_scale", "1 is the same as off", "3.0")
