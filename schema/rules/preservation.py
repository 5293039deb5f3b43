"""Rules on keeping what the base model knows."""

from collections.abc import Iterator

from schema.rules.lookup import can_switch_off, in_datasets, value_at
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []

_ELSEWHERE = ("wavelet", "pixelspace")
_KEEPING = ("diff_output_preservation", "blank_prompt_preservation")


@rule(RULES, "error", "train.diff_output_preservation", "train.blank_prompt_preservation")
def two_preservations(scope: Scope) -> Iterator[Problem]:
    """One preservation pass a step."""
    train = scope.process.train
    if train.diff_output_preservation and train.blank_prompt_preservation:
        message = "cannot be combined with train.diff_output_preservation"
        yield Problem("train.blank_prompt_preservation", message, "false")


@rule(
    RULES,
    "error",
    "train.diff_output_preservation",
    "train.blank_prompt_preservation",
    "network",
)
def preservation_needs_a_network(scope: Scope) -> Iterator[Problem]:
    """The untouched model is the one with the network off."""
    for name in _KEEPING:
        if getattr(scope.process.train, name) and scope.process.network is None:
            message = "needs a network: without it there is no untouched model to compare with"
            yield Problem(f"train.{name}", message, "false")


@rule(
    RULES,
    "error",
    "train.diff_output_preservation",
    "trigger_word",
    "datasets[].trigger_word",
)
def preservation_needs_a_trigger(scope: Scope) -> Iterator[Problem]:
    """The class takes the place of the trigger word."""
    words = [word or scope.process.trigger_word for word in in_datasets("trigger_word", scope)]
    if scope.process.train.diff_output_preservation and not all(words or [None]):
        message = "needs a trigger word, whose place the class takes"
        yield Problem("train.diff_output_preservation", message, "false")


@rule(RULES, "error", "train.diff_output_preservation", "train.diff_output_preservation_class")
def preservation_needs_a_class(scope: Scope) -> Iterator[Problem]:
    """Without a class the trigger word would just vanish."""
    train = scope.process.train
    if train.diff_output_preservation and not train.diff_output_preservation_class.strip():
        message = "needs train.diff_output_preservation_class, such as woman, dog or house"
        yield Problem("train.diff_output_preservation", message, "false")


@rule(RULES, "error", "train.diff_output_preservation", "train.train_text_encoder")
def preservation_with_changing_words(scope: Scope) -> Iterator[Problem]:
    """Prompts must mean the same in both passes."""
    train = scope.process.train
    if not train.diff_output_preservation:
        return
    if train.train_text_encoder:
        message = "cannot be combined with train.train_text_encoder"
        yield Problem("train.diff_output_preservation", message, "false")
    if value_at("embedding", scope) is not None:
        message = "cannot be combined with the section embedding:"
        yield Problem("train.diff_output_preservation", message, "false")


@rule(
    RULES,
    "error",
    "train.do_prior_divergence",
    "train.diff_output_preservation",
    "train.blank_prompt_preservation",
)
def divergence_and_preservation(scope: Scope) -> Iterator[Problem]:
    """To leave the base model and to stay with it."""
    train = scope.process.train
    other = next((name for name in _KEEPING if getattr(train, name)), None)
    if train.do_prior_divergence and other:
        message = f"cannot be combined with train.{other}"
        yield Problem("train.do_prior_divergence", message, "false")


@rule(RULES, "warning", "train.do_prior_divergence", "train.max_grad_norm")
def divergence_without_a_brake(scope: Scope) -> Iterator[Problem]:
    """Nothing else bounds a loss that may fall for ever."""
    train = scope.process.train
    if train.do_prior_divergence and not train.max_grad_norm:
        message = "train.do_prior_divergence has no other brake than gradient clipping"
        yield Problem("train.max_grad_norm", message, "1.0")


@rule(RULES, "error", "train.do_prior_divergence", "train.loss_type", "train.train_turbo")
def divergence_of_another_kind(scope: Scope) -> Iterator[Problem]:
    """What is taken off the loss is measured where the loss is: on the prediction itself."""
    train = scope.process.train
    if not train.do_prior_divergence:
        return
    elsewhere = "train.train_turbo" if train.train_turbo else None
    if train.loss_type in _ELSEWHERE:
        elsewhere = f"loss_type: {train.loss_type}"
    if elsewhere:
        message = f"cannot be combined with {elsewhere}, which is not about the prediction itself"
        yield Problem("train.do_prior_divergence", message, "false")


@rule(
    RULES, "error", "train.do_prior_divergence", "train.inverted_mask_prior", "network"
)  # fmt: skip
def prior_needs_something_to_switch_off(scope: Scope) -> Iterator[Problem]:
    """The prior is what the model says without its network or adapter."""
    for name in ("do_prior_divergence", "inverted_mask_prior"):
        if getattr(scope.process.train, name) and not can_switch_off(scope):
            message = "needs a network or an adapter, without which the model is asked"
            yield Problem(f"train.{name}", message, "false")


@rule(RULES, "warning", "train.inverted_mask_prior")
def mask_prior_without_masks(scope: Scope) -> Iterator[Problem]:
    """It acts on what masks leave out."""
    masks = [*in_datasets("mask_path", scope), *in_datasets("alpha_mask", scope)]
    if scope.process.train.inverted_mask_prior and not any(masks):
        message = "has no effect: no dataset has masks (mask_path or alpha_mask)"
        yield Problem("train.inverted_mask_prior", message, "false")
