"""Rules on previews: prompts, sizes, and whether any are made."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule
from schema.words import number

RULES: list[Rule] = []


@rule(RULES, "warning", "sample.prompts", "sample.samples")
def prompts_and_samples(scope: Scope) -> Iterator[Problem]:
    """`samples` wins."""
    sample = scope.process.sample
    if sample.prompts and sample.samples is not None:
        yield Problem("sample.prompts", "is not used: sample.samples is given too")


@rule(RULES, "hint", "sample.prompts", "sample.samples", "train.disable_sampling")
def no_prompts(scope: Scope) -> Iterator[Problem]:
    """A section for previews without a prompt makes none."""
    sample = scope.process.sample
    wanted = scope.given("sample") and not scope.process.train.disable_sampling
    if wanted and not sample.items:
        message = "no previews are made: there is neither sample.samples nor sample.prompts"
        yield Problem("sample", message)


@rule(RULES, "warning", "sample.neg")
def negative_prompt_is_a_switch(scope: Scope) -> Iterator[Problem]:
    """`true` names no text."""
    sample, other = scope.process.sample, scope.process.train.negative_prompt
    if sample.neg is True and other:
        yield Problem("sample.neg", "true takes train.negative_prompt; write a text of its own")
    elif sample.neg is True:
        yield Problem("sample.neg", "true names no text, so there is no negative prompt", '""')


@rule(RULES, "hint", "sample.neg", "sample.guidance_scale")
def negative_prompt_without_guidance(scope: Scope) -> Iterator[Problem]:
    """Without guidance the negative prompt is never looked at."""
    sample = scope.process.sample
    if sample.neg and sample.guidance_scale <= 1:
        message = f"is not used: a guidance_scale of {number(sample.guidance_scale)} is no guidance"
        yield Problem("sample.neg", message)


@rule(
    RULES,
    "warning",
    "sample.width",
    "sample.height",
    "sample.samples[].width",
    "sample.samples[].height",
    "model.arch",
)
def preview_size_is_rounded(scope: Scope) -> Iterator[Problem]:
    """Sizes are rounded down to the model's step."""
    step = scope.family.multiple
    sample = scope.process.sample
    sizes = {"sample.width": sample.width, "sample.height": sample.height}
    for index, item in enumerate(sample.samples or []):
        for name in ("width", "height"):
            if (size := getattr(item, name)) is not None:
                sizes[f"sample.samples[{index}].{name}"] = size
    for path, size in sizes.items():
        if size % step:
            rounded = size - size % step
            message = f"{size} is not a multiple of {step} and is rounded to {rounded}"
            yield Problem(path, message, str(rounded))


@rule(
    RULES,
    "warning",
    "train.disable_sampling",
    "train.skip_first_sample",
    "train.force_first_sample",
)
def first_sample_is_both(scope: Scope) -> Iterator[Problem]:
    """Skipping and disabling win over forcing."""
    train = scope.process.train
    if not train.force_first_sample:
        return
    winner = next((n for n in ("disable_sampling", "skip_first_sample") if getattr(train, n)), None)
    if winner is not None:
        message = f"is not followed: train.{winner} wins"
        yield Problem("train.force_first_sample", message, "false")
