"""Rules across options: each a small named function, gathered here in one table by subject.

To add one, write a function with `@rule(...)` in the file of its subject.
"""

from collections.abc import Iterator

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
    pictures,
    preservation,
    preview,
    preview_flags,
    preview_media,
    prompts,
    quantized,
    save,
    single_family,
    sliders,
    tools,
    training,
)
from schema.rules.general import general_problems, waiting_problems
from schema.rules.rule import Problem, ProcessScope, Rule, Scope, scope_of

__all__ = ["RULES", "Problem", "ProcessScope", "Rule", "Scope", "problems", "scope_of"]

_TRAINING = (
    training, learning, model, data, preview, save, files_named, adapter, adapter_parts, prompts,
    sliders, batches, noise, loss, preservation, guidance, captions, base_model,
    quantized, single_family, networks, data_sources, data_captions, data_pictures, data_control,
    data_video, preview_flags, preview_media, logs, packages,
)  # fmt: skip

RULES: tuple[Rule, ...] = tuple(rule for subject in _TRAINING for rule in subject.RULES)
"""Rules on processes that train a model."""

OF_ANY_PROCESS: tuple[Rule, ...] = tuple(
    rule for table in (jobs.RULES, tools.RULES, pictures.RULES, packages.OF_ANY) for rule in table
)


def problems(scope: ProcessScope) -> Iterator[Problem]:
    """What the rules have to say about one process of a job."""
    named: dict[str, bool] = {}
    for rule in (*OF_ANY_PROCESS, *(RULES if isinstance(scope, Scope) else ())):
        for problem in rule.apply(scope):
            named[problem.path] = named.get(problem.path, False) or problem.severity == "error"
            yield problem
    for problem in waiting_problems(scope):
        if not named.get(problem.path):  # what is refused anyway need not wait for anything
            yield problem
    for problem in general_problems(scope):
        if problem.path not in named:  # a rule of its own says it better
            yield problem
