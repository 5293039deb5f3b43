"""Rules on learning rates, optimizers and schedules."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.train import AdafactorParams, Train
from schema.sections.train.optimizers import AutomagicExperimentParams
from schema.sections.train.schedules import (
    PiecewiseParams,
    PolynomialParams,
    RestartsParams,
    WarmupParams,
)
from schema.words import number

RULES: list[Rule] = []


ESTIMATING = ("prodigy", "prodigy8bit", "dadaptation", "dadaptationlion")
"""Optimizers that find the learning rate; train.lr multiplies it."""
STEERING = ("automagic", "automagic2", "automagic3", "automagicexperiment")
"""Optimizers that steer rates of their own; train.lr is where some of them begin."""


def _own_rate(train: Train) -> bool:
    """Whether the optimizer finds its own step size."""
    params = train.optimizer_params
    relative = isinstance(params, AdafactorParams) and params.relative_step
    return relative or train.optimizer in (*ESTIMATING, *STEERING)


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
    process, train = scope.process, scope.process.train
    if process.network is None and not process.fine_tunes:
        return  # new words and tokens bear more, and nothing else is trained
    limit = 1e-2 if process.network is not None else 5e-4
    what = "a LoRA" if process.network is not None else "full fine-tuning"
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
    params = scope.process.train.optimizer_params
    relative = isinstance(params, AdafactorParams) and params.relative_step
    if relative and scope.given("train.lr"):
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


@rule(RULES, "warning", "train.lr_scheduler", "train.optimizer")
def schedule_without_effect(scope: Scope) -> Iterator[Problem]:
    """Optimizers that steer rates of their own follow no schedule."""
    train = scope.process.train
    if train.optimizer in STEERING and train.lr_scheduler != "constant":
        message = f"has no effect: {train.optimizer} steers the learning rate itself"
        yield Problem("train.lr_scheduler", message, "constant")


@rule(RULES, "hint", "train.lr", "train.optimizer")
def rate_is_a_multiplier(scope: Scope) -> Iterator[Problem]:
    """Optimizers that find the rate take a small one for a mistake."""
    train = scope.process.train
    if train.optimizer in ESTIMATING and train.lr < 0.1 and scope.given("train.lr"):
        message = f"{number(train.lr)} is read as 1: {train.optimizer} finds the rate itself"
        yield Problem("train.lr", message, "1.0")


@rule(RULES, "error", "train.optimizer", "train.unet_lr", "train.text_encoder_lr", "train.lr")
def one_rate_for_all_parts(scope: Scope) -> Iterator[Problem]:
    """They estimate one rate from all parts; each may follow it or stand still."""
    train = scope.process.train
    if train.optimizer not in ESTIMATING:
        return
    for name in ("unet_lr", "text_encoder_lr"):
        rate = getattr(train, name)
        if rate not in (None, 0.0, train.lr):
            message = f"{train.optimizer} takes one rate for all parts, or 0 for some"
            yield Problem(f"train.{name}", message, number(train.lr))


@rule(RULES, "warning", "train.lr", "train.optimizer")
def start_rate_is_replaced(scope: Scope) -> Iterator[Problem]:
    """A start that is far too high is taken for one meant for another optimizer."""
    train = scope.process.train
    if train.optimizer in ("automagic", "automagic2") and train.lr > 1e-3:
        message = f"{number(train.lr)} is too high a start for {train.optimizer} and read as 1e-6"
        yield Problem("train.lr", message, "1e-6")


@rule(RULES, "error", "train.optimizer_params.min_lr", "train.optimizer_params.max_lr")
def steered_rates_in_order(scope: Scope) -> Iterator[Problem]:
    """The lowest rate must not be above the highest."""
    params = scope.process.train.optimizer_params
    low, high = getattr(params, "min_lr", None), getattr(params, "max_lr", None)
    if low is not None and high is not None and low > high:
        message = f"{number(low)} is above max_lr ({number(high)})"
        yield Problem("train.optimizer_params.min_lr", message, number(high))


@rule(RULES, "error", "train.optimizer_params.betas")
def no_momentum(scope: Scope) -> Iterator[Problem]:
    """The experimental optimizer has no momentum to smooth."""
    params = scope.process.train.optimizer_params
    if isinstance(params, AutomagicExperimentParams) and params.betas[0] != 0:
        message = "the first must be 0: automagicexperiment has no momentum"
        yield Problem("train.optimizer_params.betas", message, f"[0.0, {params.betas[1]}]")
