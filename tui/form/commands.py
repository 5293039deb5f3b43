"""What the `:` line can do in the config view: set, reset, go, write, copy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from schema.catalogue import search
from schema.pending import waiting_values
from schema.sections.processes.names import PROCESS_ROWS
from tui.form.listing import every_path
from tui.form.pathedit import complete
from tui.form.values import editable, shown
from tui.fuzzy import score
from tui.palette import Command, Completion

if TYPE_CHECKING:
    from tui.views.config import ConfigView


def commands(view: ConfigView) -> list[Command]:
    """The commands of the config view."""

    def paths(text: str) -> Iterable[Completion]:
        return path_completions(view, text)

    def files(text: str) -> Iterable[Completion]:
        return complete(text, view.base, folders_only=False)

    return [
        Command("set", "give an option a value", lambda text: set_value(view, text),
                "OPTION VALUE", lambda text: set_completions(view, text)),
        Command("reset", "an option back to its default", lambda text: reset(view, text),
                "OPTION", paths, aliases=("unset",)),
        Command("go", "to the field of an option", lambda text: go(view, text), "OPTION", paths),
        Command("w", "save; with a name: as that file", lambda text: write(view, text),
                "FILE", files, aliases=("write", "save")),
        Command("wq", "save and quit", lambda _: write_and_quit(view)),
        Command("copy yaml", "the whole file into the clipboard",
                lambda _: view.frame.copy_text(view.draft.document.text())),
        Command("reload", "the version on disk", lambda _: view.files.reload(),
                off=None if view.draft.on_disk else "there is no file yet"),
        Command("pixels", "stop reading the pixels of the pictures",
                lambda _: view.files.stop_reading(),
                off=None if view.files.reads else "no pixels are being read"),
        Command("key", "a new entry of the mapping that is open", view.items.add_entry,
                "NAME VALUE"),
        Command("process", "edit another process of the job", lambda text: process(view, text),
                "NUMBER", lambda text: process_completions(view, text)),
        Command("process-add", "a new process after this one", view.items.new_process, "TYPE",
                type_completions),
        Command("compare", "the config beside another one: disk, a preset, a run, a file",
                view.compare.choose, "WITH", view.compare.completions),
        Command("difference", "the changed lines of the file, as text",
                lambda _: view.panes.toggle("diff")),
    ]  # fmt: skip


def process(view: ConfigView, text: str) -> None:
    """`:process 2`."""
    count = len(view.draft.kinds)
    if not text.strip().isdigit() or not 1 <= int(text) <= count:
        view.say(f"which process, 1 to {count}?", "warning")
        return
    view.choose_process(int(text) - 1)


def process_completions(view: ConfigView, text: str) -> list[Completion]:
    """The processes of the job."""
    return [
        Completion(str(index + 1), kind)
        for index, kind in enumerate(view.draft.kinds)
        if str(index + 1).startswith(text) or kind.startswith(text)
    ]


def type_completions(text: str) -> list[Completion]:
    """The process types, with what each does or that the engine cannot run it yet, these last."""
    waiting = waiting_values("type", "sd_trainer")
    found = [
        Completion(name, row.words, "not in the engine yet" if name in waiting else None)
        for name, row in PROCESS_ROWS.items()
        if score(text, name) is not None or text.lower() in row.words
    ]
    return sorted(found, key=lambda one: one.off is not None)


def path_completions(view: ConfigView, text: str) -> list[Completion]:
    """Options that fit, with the value they have."""
    shown_paths = {info.path for info in view.draft.layout.options}
    infos = [info for info in search(text) if info.path in shown_paths]
    out = []
    for info, path in every_path(view.draft, infos):
        value = shown(view.draft.effective(info, path))
        off = view.draft.not_applicable(info, path)
        out.append(Completion(path, f"{info.label}: {value}{f' ({off})' if off else ''}"))
    return out


def set_completions(view: ConfigView, text: str) -> list[Completion]:
    """First the option, then its choices or its present value."""
    name, space, typed = text.partition(" ")
    if not space:
        return [Completion(one.text + " ", one.words) for one in path_completions(view, text)]
    path = resolved(view, name)
    info = view.draft.find(path)
    if info is None:
        return []
    if info.type == "bool":
        return [Completion(f"{name} {word}", info.label) for word in ("on", "off")]
    if info.choices:
        return [
            Completion(f"{name} {value}", str(info.choice_help.get(value, "")))
            for value in info.choices
            if str(value).startswith(typed)
        ]
    if info.type == "path":
        folders = info.editor == "folder"
        found = complete(typed, view.base, folders_only=folders)
        return [Completion(f"{name} {one.text}", one.words) for one in found]
    now = editable(view.draft.effective(info, path))
    return [Completion(f"{name} {now}", "now")] if now and not typed else []


def resolved(view: ConfigView, name: str) -> str:
    """The concrete path of a name: `lr` finds `train.lr`, `flip_x` that of the first dataset."""
    if view.draft.find(name) is not None and "[]" not in name:
        return view.draft.here(name)
    pairs = every_path(view.draft, view.draft.layout.options)
    for info, path in pairs:
        if info.name == name or name in info.aliases:
            return path
    return name


def set_value(view: ConfigView, text: str) -> object:
    """`:set lr 1e-4`."""
    name, _, value = text.partition(" ")
    if not name:
        view.say("set which option?", "warning")
        return None
    path = resolved(view, name)
    if not value.strip() and view.go(path):
        return view.acts.edit()
    return view.acts.set_text(path, value.strip())


def reset(view: ConfigView, text: str) -> None:
    """`:reset lr`."""
    if view.go(resolved(view, text)):
        if (reason := view.why_not("reset")) is not None:
            view.say(reason, "warning")
        else:
            view.acts.reset()
    else:
        view.say(f"there is no option {text}", "error")


def go(view: ConfigView, text: str) -> None:
    """`:go lr`."""
    if not view.go(resolved(view, text)):
        view.say(f"there is no option {text}", "error")


def write(view: ConfigView, text: str) -> bool:
    """`:w`, `:w FILE`; a file that exists and is not this one is not written over."""
    if not text:
        return view.files.save()
    path = Path(text).expanduser()
    if path.exists() and (view.draft.path is None or path.resolve() != view.draft.path.resolve()):
        view.say(f"{path} exists already; choose another name", "error")
        return False
    return view.files.write(path)


def write_and_quit(view: ConfigView) -> None:
    """`:wq`."""
    if view.files.save():
        view.app.exit(0)
