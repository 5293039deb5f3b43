"""The config beside another one: the file on disk, a preset, a run's config, any file.

A row for each value that differs: the option, what it is here, what it is there. Enter takes the
other side's value, `D` all values of the section under the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema.compare import same
from schema.document import Document
from schema.findings import ConfigError
from schema.paths import Keys, written
from schema.presets import PRESETS, find_preset
from schema.run.registry import known_runs
from tui.form.acts import NOT_EDITABLE, Act
from tui.form.listing import section_title
from tui.form.pathedit import complete
from tui.form.row import Row
from tui.form.values import shown
from tui.fuzzy import score
from tui.palette import Completion
from tui.threads import hand_over

if TYPE_CHECKING:
    from tui.draft import Draft
    from tui.views.config import ConfigView

ABSENT: Any = object()
Difference = tuple[str, Any, Any]
"""A path, the value here and the value there; `ABSENT` where a side has none."""


def differences(here: Any, there: Any, keys: Keys = ()) -> Iterator[Difference]:
    """The values that differ; lists of sections item by item where they are equally long."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in dict.fromkeys([*here, *there]):
            one, other = here.get(key, ABSENT), there.get(key, ABSENT)
            yield from differences(one, other, (*keys, key))
    elif _sections(here) and _sections(there) and len(here) == len(there):
        for index, pair in enumerate(zip(here, there)):
            yield from differences(*pair, (*keys, index))
    elif here is ABSENT and isinstance(there, dict) and there:
        for key, value in there.items():
            yield from differences(ABSENT, value, (*keys, key))
    elif here is ABSENT or there is ABSENT or not same(here, there):
        yield written(keys), here, there


def _sections(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def compare_rows(draft: Draft, other: Document) -> list[Row]:
    """The differing values under the headings of their sections."""
    groups: dict[str, list[Row]] = {}
    for path, here, there in differences(draft.document.raw, other.raw):
        if not path or _only_default(draft, path, here, there):
            continue
        info = draft.find(path)
        row = Row(
            "compare", info.label if info else path, path, info,
            _words(draft, path, here), _words(draft, path, there),
            "-" if there is ABSENT else "+" if here is ABSENT else "*", "foreground", "accent",
        )  # fmt: skip
        groups.setdefault(section_title(draft, path) or "Others", []).append(row)
    out: list[Row] = []
    for title, rows in groups.items():
        out += [Row("heading", title), *rows]
    if not out:
        return [Row("text", "Nothing differs.")]
    return [Row("heading", "", value="here", note="there"), *out]


def _only_default(draft: Draft, path: str, here: Any, there: Any) -> bool:
    """Whether one side says what the other gets by default."""
    info = draft.find(path)
    if info is None or (here is not ABSENT and there is not ABSENT):
        return False
    default = draft.default(info, path)
    return same(there if here is ABSENT else here, default)


def _words(draft: Draft, path: str, value: Any) -> str:
    if value is not ABSENT:
        return shown(value)
    info = draft.find(path)
    default = draft.default(info, path) if info is not None else None
    return f"({shown(default)})" if default is not None else "-"


def take(draft: Draft, other: Document, paths: Iterable[str]) -> int:
    """Gives the paths the other side's values, together one step of undo; returns how many.

    Raises:
        ConfigError, KeyError, ValueError: it cannot be done on this text.
    """
    copy, count = Document.parse(draft.document.plain_text), 0
    for path in paths:
        if other.is_set(path):
            copy.set(path, other.value(path))
        else:
            copy.unset(path)
        count += 1
    text = copy.plain_text
    name = f"take {count} value{'s' if count != 1 else ''}"
    draft.change(lambda document: document.replace_text(text, name=name))
    return count


class Compare:
    """The comparison of the config view."""

    def __init__(self, view: ConfigView) -> None:
        self.view = view
        self.open = False
        self.name = "the file on disk"
        self.other: Document | None = None
        self._side = "disk"

    def table(self) -> dict[str, Act]:
        """Acts by key id."""
        return {"diff": self.toggle, "take-all": self.take_all}

    def why_not(self, key_id: str) -> str | None:
        """Why an act does nothing now."""
        if key_id == "take-all":
            if not self.open:
                return "compare first, with d"
            if not self.view.draft.document.editable:
                return NOT_EDITABLE
            row = self.view.row
            return None if row is not None and row.kind == "compare" else "nothing to take"
        return None

    def toggle(self) -> None:
        """Beside the side chosen last, and back."""
        if self.open:
            self.view.panes.leave_and_refresh()
        else:
            self.choose(self._side)

    def choose(self, text: str) -> None:
        """`:compare preset NAME`, `run NAME`, `file PATH`, `disk`."""
        kind, _, name = text.strip().partition(" ")
        self._side = text.strip() or "disk"
        if kind == "preset":
            preset = find_preset(name)
            if preset is None:
                self.view.say(f"there is no preset {name}", "error")
                return
            self._show(f"preset {name}", Document.parse(preset.text))
            return
        path = self._file(kind, name)
        if path is None:
            self.view.say("compare with disk, preset NAME, run NAME or file PATH", "warning")
            return
        words = "the file on disk" if kind in ("", "disk") else f"{kind} {name}"

        def read() -> None:
            try:
                other = Document.load(path)
            except OSError as error:
                reason = f"{path}: {error.strerror}"
                hand_over(self.view.app, self.view.say, reason, "error")
                return
            hand_over(self.view.app, self._show, words, other)

        self.view.run_worker(read, thread=True, group="compare", exit_on_error=False)

    def _file(self, kind: str, name: str) -> Path | None:
        draft = self.view.draft
        if kind in ("", "disk"):
            if draft.path is None or not draft.on_disk:
                self._show("the file on disk", None)
                return None
            return draft.path
        if kind == "run":
            return next((run.config for run in known_runs() if run.name == name), None)
        return Path(name).expanduser() if kind == "file" and name else None

    def _show(self, name: str, other: Document | None) -> None:
        view = self.view
        view.panes.leave()
        self.open, self.name, self.other = True, name, other
        view.option_list.cursor = 0
        view.refresh_form("")
        view.set_focus(view.option_list)

    def rows(self) -> list[Row]:
        """What differs now."""
        if self.other is None:
            words = "There is no file yet; ctrl+s writes one. :compare takes a preset or a run."
            return [Row("text", words)]
        return compare_rows(self.view.draft, self.other)

    def take(self) -> None:
        """The other side's value of the row under the cursor."""
        row = self.view.row
        if row is not None and row.kind == "compare":
            self._take([row.path])

    def take_all(self) -> None:
        """Those of the whole section under the cursor."""
        rows, at = self.view.option_list.rows, self.view.option_list.cursor
        first = max((k for k in range(at + 1) if rows[k].kind == "heading"), default=0)
        paths: list[str] = []
        for row in rows[first + 1 :]:
            if row.kind != "compare":
                break
            paths.append(row.path)
        self._take(paths)

    def _take(self, paths: list[str]) -> None:
        view = self.view
        if self.other is None:
            return
        try:
            count = take(view.draft, self.other, paths)
        except (ConfigError, KeyError, ValueError) as fault:
            view.say(str(fault), "error")
            return
        view.refresh_form()
        view.files.touched()
        what = paths[0] if count == 1 else f"{count} values"
        view.say(f"{what} taken from {self.name}; u takes it back", "success")

    def completions(self, text: str) -> list[Completion]:
        """The sides there are."""
        kind, space, name = text.partition(" ")
        if space and kind == "preset":
            fitting = [one for one in PRESETS if score(name, one.name) is not None]
            return [Completion(f"preset {one.name}", one.help) for one in fitting]
        if space and kind == "run":
            names = [run.name for run in known_runs() if score(name, run.name) is not None]
            return [Completion(f"run {one}") for one in names]
        if space and kind == "file":
            found = complete(name, self.view.base, folders_only=False)
            return [Completion(f"file {one.text}", one.words) for one in found]
        sides = {
            "disk": "the file on disk", "preset ": "a preset", "run ": "the config of a run",
            "file ": "any config file",
        }  # fmt: skip
        return [Completion(side, words) for side, words in sides.items() if side.startswith(text)]
