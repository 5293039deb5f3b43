"""Rules on saving: formats that do not fit and intervals that never come."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


@rule(RULES, "hint", "save.save_format", "network")
def format_is_for_full_models(scope: Scope) -> Iterator[Problem]:
    """LoRAs are always written as safetensors."""
    save = scope.process.save
    if scope.process.network is not None and save.save_format != "safetensors":
        message = "is for full models; a LoRA is always one safetensors file"
        yield Problem("save.save_format", message, "safetensors")


@rule(RULES, "hint", "save.save_every", "train.steps")
def no_save_before_the_end(scope: Scope) -> Iterator[Problem]:
    """A longer interval than the run leaves only the final save."""
    save, steps = scope.process.save, scope.process.train.steps
    if scope.given("save.save_every") and save.save_every and save.save_every > steps:
        message = f"is above the run's {steps} steps: only the end is saved"
        yield Problem("save.save_every", message, str(max(steps // 4, 1)))
