"""Rules across options: each a small named function, gathered here in one table by subject.

To add one, write a function with `@rule(...)` in the file of its subject.
"""

from collections.abc import Iterator

from schema.rules import (
    adapter,
    adapter_parts,
    batches,
    captions,
    data,
    files_named,
    guidance,
    jobs,
    learning,
    loss,
    model,
    noise,
    pictures,
    preservation,
    preview,
    prompts,
    save,
    sliders,
    tools,
    training,
)
from schema.rules.general import general_problems, waiting_problems
from schema.rules.rule import Problem, ProcessScope, Rule, Scope, scope_of

__all__ = ["RULES", "Problem", "ProcessScope", "Rule", "Scope", "problems", "scope_of"]

_TRAINING = (
    training, learning, model, data, preview, save, files_named, adapter, adapter_parts, prompts,
    sliders, batches, noise, loss, preservation, guidance, captions,
)  # fmt: skip

RULES: tuple[Rule, ...] = tuple(rule for subject in _TRAINING for rule in subject.RULES)
"""Rules on processes that train a model."""

OF_ANY_PROCESS: tuple[Rule, ...] = tuple(
    rule for subject in (jobs, tools, pictures) for rule in subject.RULES
)


def problems(scope: ProcessScope) -> Iterator[Problem]:
    """What the rules have to say about one process of a job."""
    named = set()
    for rule in (*OF_ANY_PROCESS, *(RULES if isinstance(scope, Scope) else ())):
        for problem in rule.apply(scope):
            named.add(problem.path)
            yield problem
    yield from waiting_problems(scope)
    for problem in general_problems(scope):
        if problem.path not in named:  # a rule of its own says it better
            yield problem
