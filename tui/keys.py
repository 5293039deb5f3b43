"""Every key binding of the app, as data: id, key, words, where.

Views turn a table into Textual bindings with `bindings(TABLE)`; the key hints, the help panel, the
palette and `keys.yaml` of the user all read the same rows. Nothing here knows a widget.

Two states only. In *list* state letters are commands; while an *editor* has the focus letters are
text. A key has one meaning: where a key appears twice, the two places never show at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType

EVERYWHERE = "everywhere"
OWN_WORLD = ("while editing",)
"""Places where keys are text first, so that the keys of everywhere do not count."""


@dataclass(frozen=True)
class Key:
    """One binding.

    `id` is what `keys.yaml` and the palette use; `key` is the default in Textual's spelling or a
    single character; `words` say in the help what it does; `where` is the view or pane it lives
    in. `hint` is the short word of the key-hint line (empty: not shown there) and a lower `rank`
    is kept longer when the line is too narrow. `action` is a Textual action; by default the id
    with dots and dashes as underscores.
    """

    id: str
    key: str
    words: str
    where: str
    aliases: tuple[str, ...] = ()
    hint: str = ""
    rank: int = 50
    action: str = ""
    priority: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The default key and its aliases."""
        return (self.key, *self.aliases)

    @property
    def action_name(self) -> str:
        """The Textual action that this key runs."""
        return self.action or self.id.replace(".", "_").replace("-", "_")


APP_KEYS: tuple[Key, ...] = (
    Key("palette", ":", "type a command", EVERYWHERE, ("ctrl+p",), "command", 20),
    Key("help", "?", "keys and help for what you look at", EVERYWHERE, ("f1",), "help", 10),
    Key("view.config", "1", "the config", EVERYWHERE, action="view('config')"),
    Key("view.launch", "2", "check and launch", EVERYWHERE, action="view('launch')"),
    Key("view.run", "3", "the live run", EVERYWHERE, action="view('run')"),
    Key("view.samples", "4", "the sample pictures", EVERYWHERE, action="view('samples')"),
    Key("view.jobs", "5", "all runs on this machine", EVERYWHERE, action="view('jobs')"),
    Key("view.home", "H", "recent configs, presets, runs", EVERYWHERE, action="view('home')"),
    Key("guided", "W", "a new config by a few questions", EVERYWHERE, action="view('wizard')"),
    Key(
        "back",
        "q",
        "back; from a first screen, quit",
        EVERYWHERE,
        ("ctrl+g", "escape"),
        action="leave",
    ),
    Key("mouse", "f12", "mouse on or off (off: the terminal selects)", EVERYWHERE),
    Key("redraw", "ctrl+l", "draw the screen anew", EVERYWHERE),
    Key("suspend", "ctrl+z", "back to the shell; `fg` returns", EVERYWHERE),
    Key("copy-or-quit", "ctrl+c", "copy the selection; twice: ask to quit", EVERYWHERE),
    Key(
        "quit",
        "ctrl+q",
        "quit (a running training goes on)",
        EVERYWHERE,
        hint="quit",
        rank=60,
        priority=True,
    ),
)

CONFIG_KEYS: tuple[Key, ...] = (
    Key("edit", "enter", "edit the field; add, where it says add", "config", hint="edit", rank=11),
    Key("toggle", "space", "switch on/off, next choice", "config", hint="toggle", rank=21),
    Key("increase", "+", "one step up", "config", ("=",)),
    Key("decrease", "-", "one step down", "config"),
    Key("reset", "r", "back to the default", "config", ("delete",), "reset", 24),
    Key("reset-section", "R", "the whole section back to its defaults", "config"),
    Key("undo", "u", "undo", "config", hint="undo", rank=23),
    Key("redo", "ctrl+r", "redo", "config"),
    Key("find", "/", "search all options", "config", ("ctrl+f",), "find", 14),
    Key("find.next", "n", "next match", "config"),
    Key("find.previous", "N", "previous match", "config"),
    Key("changed", "c", "only what you changed", "config", hint="changed", rank=41),
    Key("set-only", "C", "only what the file sets", "config"),
    Key("error", "e", "next error", "config", hint="error", rank=22),
    Key("problems", "E", "list of all problems", "config"),
    Key("tier", "t", "basic, advanced, expert options", "config", hint="tier", rank=31),
    Key("yaml", "v", "the file as it would be saved", "config", hint="yaml", rank=32),
    Key(
        "diff",
        "d",
        "beside the file on disk (:compare: a preset, a run, any file)",
        "config",
        hint="diff",
        rank=42,
    ),
    Key("take-all", "D", "beside another config: take its whole section", "config"),
    Key("mend", "a", "apply what the problem suggests", "config", hint="apply", rank=26),
    Key("mend-safe", "A", "apply all suggestions that need no choice of yours", "config"),
    Key(
        "jump-letters",
        "f",
        "letters on all that is seen; typing them goes there",
        "config",
        hint="jump",
        rank=43,
    ),
    Key("editor", "o", "open the file in $EDITOR", "config"),
    Key("copy-value", "y", "copy the value", "config"),
    Key("copy-path", "Y", "copy the path of the option", "config"),
    Key("swap-names", "K", "show YAML keys in place of labels", "config"),
    Key("section.previous", "[", "previous section", "config"),
    Key("section.next", "]", "next section", "config"),
    Key("item.add", "i", "add a list item or an entry", "config", hint="add", rank=44),
    Key("item.duplicate", "I", "duplicate the item or process", "config"),
    Key("item.remove", "x", "remove the item, entry or unknown key (u brings it back)", "config"),
    Key("item.up", "{", "move the item up", "config"),
    Key("item.down", "}", "move the item down", "config"),
    Key("process.next", "p", "edit the next process of the job", "config"),
    Key("process.add", "P", "add a process to the job", "config"),
    Key("save", "ctrl+s", "save the file", "config", hint="save", rank=25),
    Key("launch", "L", "check and launch", "config", ("f5",), "launch", 15),
    Key("estimate", "m", "memory, time and disk that it needs", "config"),
)
EDIT_KEYS: tuple[Key, ...] = (
    Key("edit.keep", "enter", "keep what is typed", "while editing"),
    Key("edit.cancel", "ctrl+g", "the old value comes back", "while editing", ("escape",)),
    Key(
        "edit.next", "tab", "keep, next field; in paths: complete", "while editing", ("shift+tab",)
    ),
    Key("edit.tree", "ctrl+t", "paths: the file system as a tree, and back", "while editing"),
    Key("edit.step", "up", "numbers: a step (shift: ten)", "while editing", ("down",)),
)
LAUNCH_KEYS: tuple[Key, ...] = (
    Key("start", "enter", "do what the row says: start, go to a field", "launch", (), "choose", 12),
    Key("start-now", "L", "start the training", "launch", ("f5",), "start", 11),
    Key("other-name", "n", "start under another name", "launch", hint="other name", rank=21),
    Key("problem.previous", "up", "previous finding", "launch", ("k",)),
    Key("problem.next", "down", "next finding", "launch", ("j",)),
    Key("jump", "g", "to the field of the finding", "launch", hint="go to field", rank=15),
    Key("check-again", "r", "look again", "launch", hint="check again", rank=31),
    Key("mend", "a", "apply what the finding suggests", "launch", hint="apply", rank=22),
    Key("mend-safe", "A", "apply all suggestions that need no choice of yours", "launch"),
    Key("undo", "u", "take the last edit of the config back", "launch", hint="undo", rank=42),
    Key("copy-command", "y", "copy the command", "launch", hint="copy", rank=41),
    Key("estimate", "m", "memory, time and disk that it needs", "launch"),
)
HOME_KEYS: tuple[Key, ...] = (
    Key("open", "enter", "open what the cursor is on", "home", hint="open", rank=11),
    Key("line.previous", "up", "previous line", "home", ("k",)),
    Key("line.next", "down", "next line", "home", ("j",)),
    Key("new", "n", "a new config from a preset", "home", hint="new", rank=21),
    Key("open-file", "o", "open a config by its path", "home", hint="open file", rank=22),
    Key("demo", "D", "the demo project", "home", hint="demo", rank=23),
    Key("forget", "x", "take the line off the list", "home", hint="forget", rank=51),
)
WIZARD_KEYS: tuple[Key, ...] = (
    Key("guided.choose", "enter", "take the answer; change the value", "guided", ("right",),
        "choose", 11),
    Key("guided.previous", "backspace", "the question before", "guided", ("left",), "back", 12),
    Key("guided.values", "v", "straight to the values", "guided", hint="values", rank=13),
    Key("guided.create", "ctrl+s", "write the file and open it", "guided", ("f5",), "create", 10),
    Key("guided.reset", "r", "the value as advised", "guided", ("delete",), "as advised", 14),
    Key("guided.toggle", "space", "switch on/off, next choice", "guided", hint="toggle", rank=21),
)  # fmt: skip
RUN_KEYS: tuple[Key, ...] = (
    Key("order.pause", "p", "pause the training, or go on", "run", hint="pause", rank=1),
    Key("order.sample", "s", "draw the samples after this step", "run", hint="sample", rank=2),
    Key("order.save", "w", "save after this step", "run", hint="save", rank=3),
    Key("order.stop", "X", "save and stop (asks first)", "run", hint="stop", rank=4),
    Key("log.panel", "0", "the worker's whole output", "run", hint="log", rank=12),
    Key("log.find", "/", "show only log lines that match", "run", hint="filter", rank=25),
    Key("log.level", "!", "all log lines, warnings, errors", "run"),
    Key("log.up", "up", "log: a line up", "run", ("k",), action="log_move(-1)"),
    Key("log.down", "down", "log: a line down", "run", ("j",), action="log_move(1)"),
    Key("log.page-up", "pageup", "log: a screen up", "run", ("ctrl+u",), action="log_page(-1)"),
    Key("log.page-down", "pagedown", "log: a screen down", "run", ("ctrl+d",),
        action="log_page(1)"),
    Key("log.start", "home", "log: the first line", "run", ("g",), action="log_ends(-1)"),
    Key("log.follow", "end", "log: follow the newest", "run", ("G",), action="log_ends(1)"),
    Key("log.copy", "y", "copy the log line", "run"),
    Key("chart.axis", "a", "y axis: linear, log, no outliers", "run", hint="axis", rank=30),
    Key("chart.smoothing", "A", "how much the curve is smoothed", "run"),
    Key("chart.closer", "+", "chart: fewer of the last steps", "run", ("=",), "zoom", 31,
        "chart_zoom(1)"),
    Key("chart.wider", "-", "chart: more steps", "run", action="chart_zoom(-1)"),
    Key("chart.left", "left", "chart: read values, to the left", "run", ("h",),
        action="chart_cursor(-1)"),
    Key("chart.right", "right", "chart: read values, to the right", "run", ("l",),
        action="chart_cursor(1)"),
    Key("chart.previous", "[", "chart: the previous series", "run", action="chart_series(-1)"),
    Key("chart.next", "]", "chart: the next series", "run", action="chart_series(1)"),
    Key("pane.next", "tab", "the next pane", "run", action="pane_next(1)"),
    Key("pane.previous", "shift+tab", "the pane before", "run", action="pane_next(-1)"),
    Key("pane.maximise", "z", "one pane over everything, or back", "run", hint="max", rank=32),
)  # fmt: skip
SAMPLES_KEYS: tuple[Key, ...] = (
    Key("sample.large", "enter", "the chosen picture large, or the grid", "samples", ("z",),
        "large", 1),
    Key("sample.hold", "=", "hold the picture to compare with", "samples", (), "hold", 2),
    Key("sample.switch", "b", "switch between held and chosen", "samples", (), "A/B", 3),
    Key("sample.copy", "y", "copy the picture's path", "samples", (), "copy path", 4),
    Key("sample.log", "0", "the worker's whole output", "samples", (), "log", 12, "log_panel"),
    Key("sample.left", "left", "an earlier step", "samples", ("h", "["),
        action="sample_move(0, -1)"),
    Key("sample.right", "right", "a later step", "samples", ("l", "]"), action="sample_move(0, 1)"),
    Key("sample.up", "up", "the prompt above", "samples", ("k", ","), action="sample_move(-1, 0)"),
    Key("sample.down", "down", "the prompt below", "samples", ("j", "."),
        action="sample_move(1, 0)"),
    Key("sample.first", "home", "the first step", "samples", ("g",), action="sample_ends(-1)"),
    Key("sample.newest", "end", "the newest step", "samples", ("G",), "newest", 40,
        "sample_ends(1)"),
)  # fmt: skip
JOBS_KEYS: tuple[Key, ...] = (
    Key("job.open", "enter", "watch the run; marked runs are laid over it", "jobs", (), "watch", 1),
    Key("job.mark", "space", "mark up to four runs", "jobs", (), "mark", 2),
    Key("job.diff", "d", "what differs in the configs of the marked runs", "jobs", (), "diff", 3),
    Key("job.pause", "p", "pause the run, or go on", "jobs", (), "pause", 21),
    Key("job.stop", "X", "save and stop (asks first)", "jobs", (), "stop", 4),
    Key("job.copy", "y", "copy the run's folder", "jobs", (), "copy path", 30),
    Key("job.log", "0", "the whole output of the run's worker", "jobs", (), "log", 12),
    Key("job.up", "up", "the run above", "jobs", ("k",), action="job_move(-1)"),
    Key("job.down", "down", "the run below", "jobs", ("j",), action="job_move(1)"),
    Key("job.first", "home", "the first run", "jobs", ("g",), action="job_ends(-1)"),
    Key("job.last", "end", "the last run", "jobs", ("G",), action="job_ends(1)"),
)  # fmt: skip


def bindings(rows: Iterable[Key], *, by_table: bool = False) -> list[BindingType]:
    """Textual bindings for a table.

    With `by_table` every key runs `do('its id')`, which `View` looks up in the view's own table;
    otherwise a key runs the Textual action named by the row.
    """
    return [
        Binding(
            ",".join(_spelled(key) for key in row.keys),
            f"do('{row.id}')" if by_table else row.action_name,
            row.words,
            show=False,
            id=row.id,
            priority=row.priority,
        )
        for row in rows
    ]


def _spelled(key: str) -> str:
    """A comma would be read by Textual as a separator of keys."""
    return "comma" if key == "," else key


NAMES = {
    "escape": "esc",
    "space": "space",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "delete": "del",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


def shown(key: str) -> str:
    """A key as people write it: `^s` for ctrl+s, `esc` for escape."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return NAMES.get(key, key)


def all_keys() -> tuple[Key, ...]:
    """Every row of every table."""
    return (
        *APP_KEYS, *CONFIG_KEYS, *EDIT_KEYS, *LAUNCH_KEYS, *HOME_KEYS, *WIZARD_KEYS, *RUN_KEYS,
        *SAMPLES_KEYS, *JOBS_KEYS,
    )  # fmt: skip


def clashes(rows: Sequence[Key], overrides: Mapping[str, str] | None = None) -> list[str]:
    """Sentences naming two ids that answer to one key in the same place, or an unknown id."""
    overrides = overrides or {}
    known = {row.id for row in rows}
    found = [f"keys.yaml: there is no binding {name}" for name in overrides if name not in known]
    seen: dict[tuple[str, str], str] = {}
    for row in sorted(rows, key=lambda row: row.where != EVERYWHERE):
        own = overrides.get(row.id)
        for key in own.split(",") if own else row.keys:
            places = {row.where} if row.where in OWN_WORLD else {row.where, EVERYWHERE}
            for place in places:
                other = seen.get((place, key.strip()))
                if other is not None and other != row.id:
                    found.append(f"{shown(key.strip())} is both {other} and {row.id} ({row.where})")
            seen[(row.where, key.strip())] = row.id
    return found
