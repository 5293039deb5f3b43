"""What a rule is: the options it looks at, severity, code, and a function that finds problems."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from schema.families import FamilyRow, family
from schema.findings import Severity
from schema.sections.datasets import Dataset
from schema.sections.job import JobFile, TrainerProcess
from schema.sections.model import Model
from schema.sections.processes import AnyProcess


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found: where, what, and the value or key to use instead.

    `severity` and `code` are the rule's own unless given.
    """

    path: str
    message: str
    suggestion: str | None = None
    severity: Severity = "warning"
    code: str = ""


@dataclass(frozen=True, slots=True)
class ProcessScope:
    """What a rule sees: one process of a job, and which options the file itself gives."""

    job: JobFile
    process: AnyProcess
    given: Callable[[str], bool]
    """Whether the file gives a value at a path such as `train.lr` or `datasets[0].flip_x`."""

    @property
    def model_family(self) -> FamilyRow | None:
        """The row of the model's family; None for a process without a model."""
        model = getattr(self.process, "model", None)
        return family(model.arch) if isinstance(model, Model) else None


@dataclass(frozen=True, slots=True)
class Scope(ProcessScope):
    """The same for a process that trains a model."""

    process: TrainerProcess

    @property
    def family(self) -> FamilyRow:
        """The row of the model's family."""
        row = family(self.process.model.arch)
        assert row is not None, "the type of `arch` admits known families only"
        return row

    def datasets(self) -> Iterator[tuple[str, Dataset]]:
        """Each dataset with its path."""
        for index, dataset in enumerate(self.process.datasets):
            yield f"datasets[{index}]", dataset


def scope_of(job: JobFile, process: AnyProcess, given: Callable[[str], bool]) -> ProcessScope:
    """What the rules on this process see."""
    kind = Scope if isinstance(process, TrainerProcess) else ProcessScope
    return kind(job, process, given)  # type: ignore[arg-type]


Test = Callable[[Any], Iterable[Problem]]
"""A rule's function: of a `Scope`, or of a `ProcessScope` where it is about any process."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table. `fields` are the catalogue paths that the rule looks at."""

    code: str
    fields: tuple[str, ...]
    severity: Severity
    test: Test

    def apply(self, scope: ProcessScope) -> Iterator[Problem]:
        """The rule's problems, marked with its severity and code."""
        for problem in self.test(scope):
            yield replace(problem, severity=self.severity, code=self.code)


def rule(table: list[Rule], severity: Severity, *fields: str) -> Callable[[Test], Test]:
    """Enter a function into a table; its name, with dashes, is the code of its findings."""

    def enter(test: Test) -> Test:
        table.append(Rule(test.__name__.replace("_", "-"), fields, severity, test))
        return test

    return enter
