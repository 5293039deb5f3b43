"""Rules on learning rates, optimizers and schedules."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.train import AdafactorParams, Train
from schema.sections.train.schedules import (
    PiecewiseParams,
    PolynomialParams,
    RestartsParams,
    WarmupParams,
)
from schema.words import number

RULES: list[Rule] = []


def _own_rate(train: Train) -> bool:
    """Whether the optimizer finds its own step size."""
    params = train.optimizer_params
    return isinstance(params, AdafactorParams) and params.relative_step


@rule(RULES, "hint", "train.lr", "network", "train.optimizer_params.relative_step")
def rate_low_for_a_network(scope: Scope) -> Iterator[Problem]:
    """A LoRA hardly learns below 1e-5."""
    train = scope.process.train
    if scope.process.network is not None and 0 < train.lr < 1e-5 and not _own_rate(train):
        said = "is" if scope.given("train.lr") else "is by default"
        message = f"{said} {number(train.lr)}, at which a LoRA hardly learns; 1e-4 is typical"
        yield Problem("train.lr", message, "1e-4")


@rule(RULES, "warning", "train.lr", "train.unet_lr", "train.text_encoder_lr", "network")
def rate_high(scope: Scope) -> Iterator[Problem]:
    """Rates that destroy a model within a few steps."""
    limit = 1e-2 if scope.process.network is not None else 5e-4
    what = "a LoRA" if scope.process.network is not None else "full fine-tuning"
    train = scope.process.train
    rates = {"lr": train.lr, "unet_lr": train.unet_lr, "text_encoder_lr": train.text_encoder_lr}
    for name, rate in rates.items():
        if rate is not None and rate > limit and not _own_rate(train):
            message = f"{number(rate)} is far above what {what} bears (about {number(limit)})"
            yield Problem(f"train.{name}", message)


@rule(RULES, "warning", "train.lr", "train.unet_lr", "train.text_encoder_lr")
def rate_of_zero(scope: Scope) -> Iterator[Problem]:
    """A part that is trained at rate 0 does not change."""
    train = scope.process.train
    rates = [
        ("unet_lr", train.unet_lr, train.train_unet),
        ("text_encoder_lr", train.text_encoder_lr, train.train_text_encoder),
    ]
    for name, rate, trained in rates:
        if trained and not _own_rate(train) and (train.lr if rate is None else rate) == 0:
            path = "train.lr" if rate is None else f"train.{name}"
            yield Problem(path, "a learning rate of 0 changes nothing")


@rule(RULES, "error", "train.optimizer_params.warmup_init", "train.optimizer_params.relative_step")
def warmup_init_without_relative_step(scope: Scope) -> Iterator[Problem]:
    """Adafactor refuses this pair."""
    params = scope.process.train.optimizer_params
    if isinstance(params, AdafactorParams) and params.warmup_init and not params.relative_step:
        message = "needs relative_step: true"
        yield Problem("train.optimizer_params.warmup_init", message, "false")


@rule(RULES, "hint", "train.optimizer_params.relative_step", "train.lr")
def relative_step_ignores_the_rate(scope: Scope) -> Iterator[Problem]:
    """Adafactor with relative steps takes no learning rate."""
    if _own_rate(scope.process.train) and scope.given("train.lr"):
        yield Problem("train.lr", "is not used: relative_step chooses the step size")


@rule(RULES, "warning", "train.lr_scheduler_params", "train.steps")
def warmup_longer_than_the_run(scope: Scope) -> Iterator[Problem]:
    """The warm-up must end before the run does."""
    train = scope.process.train
    params = train.lr_scheduler_params
    name = "num_warmup_steps" if hasattr(params, "num_warmup_steps") else "warmup_steps"
    warmup = getattr(params, name, 0)
    if warmup and warmup >= train.steps:
        default = "" if scope.given(f"train.lr_scheduler_params.{name}") else " (the default)"
        message = f"{warmup}{default} is not below the run's {train.steps} steps: never full rate"
        path = f"train.lr_scheduler_params.{name}"
        yield Problem(path, message, str(max(train.steps // 10, 1)))


@rule(RULES, "error", "train.lr_scheduler_params.lr_end", "train.lr")
def end_above_the_start(scope: Scope) -> Iterator[Problem]:
    """Polynomial decay must fall."""
    train = scope.process.train
    params = train.lr_scheduler_params
    if isinstance(params, PolynomialParams) and params.lr_end >= train.lr:
        message = f"{number(params.lr_end)} is not below train.lr ({number(train.lr)})"
        yield Problem("train.lr_scheduler_params.lr_end", message, "0.0")


@rule(RULES, "error", "train.lr_scheduler_params.step_rules")
def step_rules_ascend(scope: Scope) -> Iterator[Problem]:
    """Each multiplier ends later than the one before."""
    params = scope.process.train.lr_scheduler_params
    if not isinstance(params, PiecewiseParams):
        return
    ends = [int(part.split(":")[1]) for part in params.step_rules.split(",")[:-1]]
    if ends != sorted(set(ends)):
        message = f"the steps must rise from rule to rule, found {', '.join(map(str, ends))}"
        yield Problem("train.lr_scheduler_params.step_rules", message)


@rule(RULES, "hint", "train.lr_scheduler_params.T_0", "train.steps")
def no_restart_in_the_run(scope: Scope) -> Iterator[Problem]:
    """A first cycle as long as the run is a plain cosine."""
    train = scope.process.train
    params = train.lr_scheduler_params
    if isinstance(params, RestartsParams) and (params.T_0 or train.steps) >= train.steps:
        message = "the first cycle is as long as the run, so there is no restart"
        yield Problem("train.lr_scheduler_params.T_0", message, str(max(train.steps // 4, 1)))


@rule(RULES, "hint", "train.lr_scheduler_params.num_warmup_steps")
def warmup_of_zero(scope: Scope) -> Iterator[Problem]:
    """constant_with_warmup without a warm-up."""
    params = scope.process.train.lr_scheduler_params
    if isinstance(params, WarmupParams) and params.num_warmup_steps == 0:
        message = "without warm-up this is the schedule `constant`"
        yield Problem("train.lr_scheduler_params.num_warmup_steps", message)
