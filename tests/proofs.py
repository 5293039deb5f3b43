"""Collects which tests show which option's effect (`@pytest.mark.proves(path)`).

`--proofs FILE` makes the run write {path: {"passed": [test ids], "skipped": [test ids]}} with a
row for every option there is; used by `make proofs`. Under xdist too: the paths travel with each
test's report.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest


def note_paths(items: Sequence[pytest.Item]) -> None:
    """Write each test's proven paths into its report properties."""
    for item in items:
        for mark in item.iter_markers("proves"):
            if not mark.args:
                raise pytest.UsageError(f"{item.nodeid}: proves() needs at least one option path")
            item.user_properties.extend(("proves", path) for path in mark.args)


class ProofRecorder:
    """Pytest plugin: gathers outcomes by option path and writes them when the run ends."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.outcomes: dict[str, str] = {}
        self.paths: dict[str, set[str]] = {}
        self.unproved: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst outcome of a test's three phases."""
        proven = {path for name, path in report.user_properties if name == "proves"}
        if not proven:
            return
        self.paths.setdefault(report.nodeid, set()).update(proven)
        if report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome
        else:
            self.outcomes.setdefault(report.nodeid, "passed")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file once, from the process that sees all reports."""
        if hasattr(session.config, "workerinput"):
            return
        from schema.catalogue import options

        proofs: dict[str, dict[str, list[str]]] = {
            info.path: {"passed": [], "skipped": []} for info in options()
        }
        for nodeid, paths in self.paths.items():
            outcome = self.outcomes[nodeid]
            for path in paths:
                row = proofs.setdefault(path, {"passed": [], "skipped": []})
                if outcome in row:
                    row[outcome].append(nodeid)
        for row in proofs.values():
            row["passed"].sort()
            row["skipped"].sort()
        self.unproved = sorted(path for path, row in proofs.items() if not row["passed"])
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.write_text(json.dumps(proofs, indent=1, sort_keys=True) + "\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the file is and which options have nothing to show."""
        terminalreporter.write_line(f"proofs: {self.target}")
        if self.unproved:
            terminalreporter.write_line(f"not shown by any test: {', '.join(self.unproved)}")
