"""Rules on the flags that may follow the text of a preview prompt, such as `--w 768`."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from schema import pending
from schema.formulas.prompts import FLAGS, split_flags
from schema.option_at import option_at
from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.sample import Sample, SampleItem
from schema.words import accepted

RULES: list[Rule] = []

_FIELDS = ("sample.prompts", "sample.samples[].prompt")
_SECOND = ("prompt_2", "neg_2")


def prompts(scope: Scope) -> Iterator[tuple[str, str]]:
    """The preview prompts that count, with the path of each."""
    for name in ("sample", "first_sample"):
        sample: Sample | None = getattr(scope.process, name, None)
        if sample is None:
            continue
        if sample.samples is None:
            for index, text in enumerate(sample.prompts):
                yield f"{name}.prompts[{index}]", text
        for index, item in enumerate(sample.samples or []):
            yield f"{name}.samples[{index}].prompt", item.prompt


def _flags(scope: Scope) -> Iterator[tuple[str, dict[str, Any]]]:
    """The settings that the flags of each prompt make, where they can be read."""
    for path, text in prompts(scope):
        try:
            yield path, split_flags(text)[1]
        except ValueError:
            continue  # has its own finding


@rule(RULES, "error", *_FIELDS)
def flag_cannot_be_read(scope: Scope) -> Iterator[Problem]:
    """A flag without its value, or with one of the wrong kind."""
    for path, text in prompts(scope):
        try:
            split_flags(text)
        except ValueError as fault:
            yield Problem(path, str(fault).rstrip("."))


@rule(RULES, "error", *_FIELDS)
def flag_out_of_range(scope: Scope) -> Iterator[Problem]:
    """Flags have the bounds of the options that they stand for."""
    for path, values in _flags(scope):
        for name, value in values.items():
            owner = SampleItem if name in SampleItem.model_fields else Sample
            if name in _SECOND:
                continue
            given = {name: value} if owner is Sample else {"prompt": "", name: value}
            try:
                owner.model_validate(given)
            except ValidationError:
                where = "sample" if owner is Sample else "sample.samples[]"
                info = option_at(f"{where}.{name}", scope.process.type)
                assert info is not None, f"the flag of {name} stands for no option"
                allowed = accepted(info.shape).removesuffix(", or empty")
                yield Problem(path, f"{_flag(name)} {value}: accepted is {allowed}")


@rule(RULES, "error", *_FIELDS)
def flag_is_not_followed_yet(scope: Scope) -> Iterator[Problem]:
    """Flags for options that wait for the engine."""
    kind = scope.process.type
    for path, values in _flags(scope):
        for name in values:
            words = pending.waits(f"sample.{name}", kind)
            words = words or pending.waits(f"sample.samples[].{name}", kind)
            if words:
                yield Problem(path, f"{_flag(name)} is not in the engine yet ({words})")


@rule(RULES, "warning", *_FIELDS, "model.arch")
def flag_without_effect(scope: Scope) -> Iterator[Problem]:
    """Flags for options that the model has no use for."""
    row = scope.family
    for path, values in _flags(scope):
        for name in values:
            if name in _SECOND:
                wanted: tuple[str, ...] = ("unet", "second_text_encoder")
            else:
                where = "sample" if name in Sample.model_fields else "sample.samples[]"
                info = option_at(f"{where}.{name}", scope.process.type)
                assert info is not None, f"the flag of {name} stands for no option"
                wanted = info.applies_to
            if reason := row.lacks(wanted):
                yield Problem(path, f"{_flag(name)} has no effect with {row.label}: {reason}")


def _flag(name: str) -> str:
    return f"--{next(flag for flag, (key, _) in FLAGS.items() if key == name)}"
