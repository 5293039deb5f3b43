"""Rules on names and places that are shared between the processes of a job."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.processes.base import Named

RULES: list[Rule] = []


@rule(RULES, "error", "training_folder", "config.name")
def processes_share_a_folder(scope: Scope) -> Iterator[Problem]:
    """Two processes that write to one folder would overwrite each other."""
    mine = (scope.process.training_folder, scope.process.name)
    for other in scope.job.config.process:
        if other is scope.process:
            return
        if isinstance(other, Named) and (other.folder, other.name) == mine:
            message = "another process of this job writes to the same folder"
            yield Problem("training_folder", message)


@rule(RULES, "error", "config.name")
def name_is_a_folder_name(scope: Scope) -> Iterator[Problem]:
    """The name becomes a folder and the beginning of file names."""
    name = scope.job.config.name
    if name != name.strip() or name in {".", ".."} or name.startswith(("-", "~")):
        message = f"'{name}' cannot be a folder's name (no spaces around, no leading - or ~)"
        yield Problem("config.name", message, name.strip(" .-~") or None)
