"""Rules across options: each a small named function, gathered here in one table by subject.

To add one, write a function with `@rule(...)` in the file of its subject. Rules that know the
classes of process types other than the general trainer stand in files of their own, which are
imported when a config has such a process: most have none, and `check` is to answer at once.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from schema.rules import (
    adapter,
    adapter_parts,
    base_model,
    batches,
    captions,
    data,
    data_captions,
    data_control,
    data_pictures,
    data_sources,
    data_video,
    files_named,
    guidance,
    jobs,
    learning,
    logs,
    loss,
    model,
    networks,
    noise,
    packages,
    preservation,
    preview,
    preview_flags,
    preview_media,
    prompts,
    quantized,
    save,
    single_family,
    training,
)
from schema.rules.general import general_problems, waiting_problems
from schema.rules.rule import Problem, ProcessScope, Rule, Scope, scope_of

__all__ = [
    "OF_ANY_PROCESS",
    "RULES",
    "Problem",
    "ProcessScope",
    "Rule",
    "Scope",
    "problems",
    "scope_of",
]

_TRAINING = (
    training, learning, model, data, preview, save, files_named, adapter, adapter_parts, prompts,
    batches, noise, loss, preservation, guidance, captions, base_model,
    quantized, single_family, networks, data_sources, data_captions, data_pictures, data_control,
    data_video, preview_flags, preview_media, logs, packages,
)  # fmt: skip

OF_ANY_PROCESS: tuple[Rule, ...]
"""Rules on processes whatever they do; those of single types come with their classes."""

RULES: tuple[Rule, ...]
"""Rules on processes that train a model."""


def __getattr__(name: str) -> Any:
    """The tables of all rules there are, for tests and documentation: this imports everything."""
    if name == "OF_ANY_PROCESS":
        return (*_of_any(), *_of_tools())
    if name == "RULES":
        return (*_of_trainers(), *_of_sliders())
    raise AttributeError(name)


@cache
def _of_any() -> tuple[Rule, ...]:
    return (*jobs.RULES, *packages.OF_ANY)


@cache
def _of_trainers() -> tuple[Rule, ...]:
    return tuple(rule for subject in _TRAINING for rule in subject.RULES)


@cache
def _of_tools() -> tuple[Rule, ...]:
    from schema.rules import pictures, tools

    return (*tools.RULES, *pictures.RULES)


@cache
def _of_sliders() -> tuple[Rule, ...]:
    from schema.rules import sliders

    return tuple(sliders.RULES)


def _rules_for(scope: ProcessScope) -> Iterator[Rule]:
    """The rules that can say something about a process: those of other types cannot."""
    yield from _of_any()
    if not isinstance(scope, Scope):
        yield from _of_tools()
        return
    yield from _of_trainers()
    if scope.process.type != "sd_trainer":
        yield from _of_sliders()


def problems(scope: ProcessScope) -> Iterator[Problem]:
    """What the rules have to say about one process of a job."""
    named: dict[str, bool] = {}
    for rule in _rules_for(scope):
        for problem in rule.apply(scope):
            named[problem.path] = named.get(problem.path, False) or problem.severity == "error"
            yield problem
    for problem in waiting_problems(scope):
        if not named.get(problem.path):  # what is refused anyway need not wait for anything
            yield problem
    for problem in general_problems(scope):
        if problem.path not in named:  # a rule of its own says it better
            yield problem
