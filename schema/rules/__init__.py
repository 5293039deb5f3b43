"""Rules across options: each a small named function, gathered here in one table by subject.

To add one, write a function with `@rule(...)` in the file of its subject.
"""

from collections.abc import Iterator

from schema.rules import data, files_named, learning, model, preview, save, training
from schema.rules.general import general_problems, waiting_problems
from schema.rules.rule import Problem, Rule, Scope

__all__ = ["RULES", "Problem", "Rule", "Scope", "problems"]

RULES: tuple[Rule, ...] = tuple(
    rule
    for subject in (training, learning, model, data, preview, save, files_named)
    for rule in subject.RULES
)


def problems(scope: Scope) -> Iterator[Problem]:
    """What the rules have to say about one process of a job."""
    named = set()
    for rule in RULES:
        for problem in rule.apply(scope):
            named.add(problem.path)
            yield problem
    yield from waiting_problems(scope)
    for problem in general_problems(scope):
        if problem.path not in named:  # a rule of its own says it better
            yield problem
