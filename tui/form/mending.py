"""Applying what a finding suggests: one with `a`, all safe ones with `A`, each one step of undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema.document import Document
from schema.findings import ConfigError, Finding
from schema.repair import Repair, repair_of, safe_text
from tui.form.acts import NOT_EDITABLE, Act

if TYPE_CHECKING:
    from tui.draft import Draft
    from tui.views.config import ConfigView

NOTHING = "nothing suggested here"
NOTHING_SAFE = "nothing that can be mended without a choice of yours"


def repair_here(draft: Draft, path: str, finding: Finding | None = None) -> Repair | None:
    """The repair of a finding, or of the worst finding at a path that has one."""
    found = [finding] if finding is not None else list(draft.findings_at(path))
    found.sort(key=lambda one: ("error", "warning", "hint").index(one.severity))
    return next((step for one in found if (step := repair_of(draft.document, one))), None)


def mend(draft: Draft, repair: Repair) -> str:
    """Applies one repair as one step of undo; returns what was done, in words.

    Raises:
        ConfigError, KeyError, ValueError: it cannot be done on this text.
    """
    copy = Document.parse(draft.document.plain_text)
    repair.apply(copy)
    text = copy.plain_text
    draft.change(lambda document: document.replace_text(text, name=f"mend {repair.path}"))
    return repair.words


def mend_safe(draft: Draft) -> int:
    """Applies every repair that needs no choice, together one step of undo; returns how many."""
    text, count = safe_text(draft.document)
    if count:
        name = f"mend {count} finding{'s' if count > 1 else ''}"
        draft.change(lambda document: document.replace_text(text, name=name))
    return count


def mended_words(draft: Draft, count: int) -> str:
    """What to say after `mend_safe`."""
    left = draft.count("error") + draft.count("warning")
    rest = f", {left} left for you" if left else ""
    return f"{count} mended{rest}; u takes it back"


class Mending:
    """The two acts of the config view."""

    def __init__(self, view: ConfigView) -> None:
        self.view = view

    def table(self) -> dict[str, Act]:
        """Acts by key id."""
        return {"mend": self.mend, "mend-safe": self.mend_safe}

    def why_not(self, key_id: str) -> str | None:
        """Why an act does nothing here."""
        draft, row = self.view.draft, self.view.row
        if not draft.document.editable:
            return NOT_EDITABLE
        if key_id == "mend-safe":
            any_meant = any(finding.suggestion for finding in draft.findings)
            return None if any_meant else NOTHING_SAFE
        if row is None or repair_here(draft, row.path, row.finding) is None:
            return NOTHING
        return None

    def mend(self) -> None:
        """What the finding under the cursor suggests."""
        view, row = self.view, self.view.row
        assert row is not None
        repair = repair_here(view.draft, row.path, row.finding)
        assert repair is not None
        try:
            words = mend(view.draft, repair)
        except (ConfigError, KeyError, ValueError) as fault:
            view.say(str(fault), "error")
            return
        view.refresh_form(None if row.kind == "problem" else repair.path)
        if view.panes.plain and row.kind != "problem":
            view.go(repair.path)
        view.files.touched()
        view.say(f"{words}; u takes it back", "success")

    def mend_safe(self) -> None:
        """Everything that needs no choice."""
        view = self.view
        count = mend_safe(view.draft)
        view.refresh_form()
        if not count:
            view.say(NOTHING_SAFE, "warning")
            return
        view.files.touched()
        view.say(mended_words(view.draft, count), "success")
