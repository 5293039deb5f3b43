"""Every key binding of the app, as data: id, key, words, where.

Views turn a table into Textual bindings with `bindings(TABLE)`; the key hints, the help panel, the
palette and `keys.yaml` of the user all read the same rows. Nothing here knows a widget.

Two states only. In *list* state letters are commands; while an *editor* has the focus letters are
text. A key has one meaning: where a key appears twice, the two places never show at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.binding import Binding

EVERYWHERE = "everywhere"


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
    Key("back", "q", "back; from a first screen, quit", EVERYWHERE, ("ctrl+g", "escape")),
    Key("mouse", "f12", "mouse on or off (off: the terminal selects)", EVERYWHERE),
    Key("redraw", "ctrl+l", "draw the screen anew", EVERYWHERE),
    Key("suspend", "ctrl+z", "back to the shell; `fg` returns", EVERYWHERE),
    Key("copy-or-quit", "ctrl+c", "copy the selection; twice: ask to quit", EVERYWHERE),
    Key("quit", "ctrl+q", "quit (a running training goes on)", EVERYWHERE, hint="quit", rank=60),
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
    Key("diff", "d", "difference to the file on disk", "config", hint="diff", rank=42),
    Key("editor", "o", "open the file in $EDITOR", "config"),
    Key("copy-value", "y", "copy the value", "config"),
    Key("copy-path", "Y", "copy the path of the option", "config"),
    Key("swap-names", "K", "show YAML keys in place of labels", "config"),
    Key("section.previous", "[", "previous section", "config"),
    Key("section.next", "]", "next section", "config"),
    Key("item.add", "i", "add a dataset, a prompt", "config"),
    Key("item.duplicate", "I", "duplicate the item", "config"),
    Key("item.remove", "x", "remove the item (u brings it back)", "config"),
    Key("item.up", "{", "move the item up", "config"),
    Key("item.down", "}", "move the item down", "config"),
    Key("save", "ctrl+s", "save the file", "config", hint="save", rank=25),
    Key("launch", "L", "check and launch", "config", ("f5",), "launch", 15),
)
LAUNCH_KEYS: tuple[Key, ...] = ()
HOME_KEYS: tuple[Key, ...] = ()
RUN_KEYS: tuple[Key, ...] = ()
SAMPLES_KEYS: tuple[Key, ...] = ()
JOBS_KEYS: tuple[Key, ...] = ()


def bindings(rows: Iterable[Key]) -> list[Binding]:
    """Textual bindings for a table; `priority` for none, so that editors keep their letters."""
    return [
        Binding(
            ",".join(_spelled(key) for key in row.keys),
            row.action_name,
            row.words,
            show=False,
            id=row.id,
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
    return APP_KEYS + RUN_KEYS + SAMPLES_KEYS + JOBS_KEYS


def clashes(rows: Iterable[Key], overrides: Mapping[str, str] | None = None) -> list[str]:
    """Sentences naming two ids that answer to one key in the same place."""
    seen: dict[tuple[str, str], str] = {}
    found: list[str] = []
    for row in rows:
        own = (overrides or {}).get(row.id)
        for key in own.split(",") if own else row.keys:
            for place in (row.where, EVERYWHERE) if row.where != EVERYWHERE else (EVERYWHERE,):
                other = seen.get((place, key))
                if other is not None and other != row.id:
                    found.append(f"{key}: both {other} and {row.id} ({row.where})")
            seen[(row.where, key)] = row.id
    return found
