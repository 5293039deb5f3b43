"""The config view: sidebar, option list (or YAML, diff, search results) and inspector.

The view owns the screen and the cursor. What rows there are is `tui.form.rows`; the acts behind the
keys live in `tui.form.acts` (editing), `items`, `panes` and `files`, each a small object that knows
this view.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical

from tui.draft import Draft
from tui.estimating import FormEstimate
from tui.form import listing, outline, rows
from tui.form.acts import Acts
from tui.form.compare import Compare
from tui.form.editors import Editor
from tui.form.entries import holder_of
from tui.form.files import Files
from tui.form.inspector import Inspector
from tui.form.items import Items
from tui.form.jump import Jump
from tui.form.mending import Mending
from tui.form.optionlist import OptionList
from tui.form.outline import Node
from tui.form.panes import Panes
from tui.form.places import WHOLE, process_of
from tui.form.row import Row
from tui.form.searchline import SearchLine
from tui.form.sidebar import Sidebar
from tui.form.states import node_of, node_states, shown_count, summary
from tui.form.textpane import TextPane
from tui.keys import CONFIG_KEYS, EDIT_KEYS, Key, bindings
from tui.palette import Command, Completion
from tui.views.frame import View
from tui.widgets.crumb import Crumb
from tui.widgets.estimate_panel import EstimateLine

AT_TIMES = {"mend", "item.add"}
"""Keys whose hint is shown only where they do something."""


class ConfigView(View):
    """Editing one config."""

    NAME = "config"
    KEYS: ClassVar[tuple[Key, ...]] = CONFIG_KEYS
    BINDINGS = bindings(CONFIG_KEYS, by_table=True)
    HELP = """
    The config, section by section. Left the sections, in the middle their options, and the full
    record of the option under the cursor with its editor right or below.

    Marks: ! must be repaired, ? worth a look, * changed since the last save, ~ does not apply
    now. Muted values are defaults. In the sidebar 2! counts errors, 3* changes.

    Every key press is checked at once and kept: a half-typed value never gets lost and never
    stops you. Numbers take 2k, 1e-4, 512*2; + and - step them.
    """
    DEFAULT_CSS = """
    ConfigView #config { layout: vertical; height: 1fr; }
    ConfigView.-w110 #config, ConfigView.-w160 #config { layout: horizontal; }
    ConfigView #upper { height: 1fr; width: 1fr; }
    ConfigView #center { width: 1fr; height: 1fr; border-left: solid $border; }
    ConfigView.-w0 #sidebar { display: none; }
    ConfigView.-w0 #center { border-left: none; }
    ConfigView #sidebar { width: 22; }
    ConfigView.-w110 #sidebar { width: 27; }
    ConfigView.-w160 #sidebar { width: 34; }
    ConfigView #text { display: none; }
    ConfigView.-w110 #inspector, ConfigView.-w160 #inspector {
        width: 36%; height: 1fr; border-top: none; border-left: solid $border;
    }
    ConfigView.-w160 #inspector { width: 60; }
    ConfigView.-w110 #inspector > .gap, ConfigView.-w160 #inspector > .gap { height: 1; }
    """

    def __init__(self, draft: Draft, base: Path | None = None) -> None:
        super().__init__()
        self.draft = draft
        self.base = base or Path.cwd()
        self.nodes: list[Node] = outline.outline(draft)
        self.node = self.nodes[0]
        self.opened = ""
        """The list item or mapping whose inner lists the sidebar unfolds."""
        self.acts = Acts(self)
        self.items = Items(self)
        self.panes = Panes(self)
        self.files = Files(self)
        self.compare = Compare(self)
        self.jump = Jump(self)
        self.estimate = FormEstimate(self)
        self._parts = (
            self.acts, self.items, self.panes, self.files, self.compare, Mending(self), self.jump,
            self.estimate,
        )  # fmt: skip
        self._table: dict[str, Callable[[], object]] = {
            name: act for part in self._parts for name, act in part.table().items()
        }

    # -- parts ---------------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """Sidebar and list above (or left of) the inspector."""
        with Container(id="config"):
            with Horizontal(id="upper"):
                yield Sidebar()
                with Vertical(id="center"):
                    yield Crumb()
                    yield OptionList()
                    yield TextPane()
            yield Inspector()
        yield EstimateLine()

    @property
    def option_list(self) -> OptionList:
        """The option list."""
        return self.query_one(OptionList)

    @property
    def sidebar(self) -> Sidebar:
        """The sidebar."""
        return self.query_one(Sidebar)

    @property
    def inspector(self) -> Inspector:
        """The inspector."""
        return self.query_one(Inspector)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.option_list.row

    @property
    def editing(self) -> bool:
        """Whether an editor is open."""
        return self.inspector.editor is not None

    def on_mount(self) -> None:
        """Shows the first section; the list has the focus."""
        self.refresh_form()
        self.set_focus(self.option_list)  # at once: a question of `opened` takes it over
        self.files.opened()

    def on_screen_resume(self) -> None:
        """The launch view may have changed the draft meanwhile."""
        if self.is_mounted and not self.editing:
            self.refresh_form()

    # -- what is shown -------------------------------------------------------------------------

    def refresh_form(self, path: str | None = None) -> None:
        """Shows the draft as it is now; the cursor goes to `path`, or stays."""
        draft, tier = self.draft, self.frame.settings.tier
        everything = tier == rows.TIERS[-1]
        self.nodes = outline.outline(draft, everything=everything, opened=self.opened)
        shown, total = shown_count(draft, self.nodes, tier)
        foot = (f"tier: {tier}", f"shown {shown} of {total}")
        self.sidebar.show(self.nodes, node_states(draft, self.nodes), foot)
        if self.panes.plain:
            self.node = self.sidebar.node
        self.option_list.show(self._rows(tier), path)
        self.panes.refresh()
        self.inspector.show(draft, self.row)
        self.estimate.touched()
        self.redraw_frame()

    def _rows(self, tier: str) -> list[Row]:
        if self.compare.open:
            return self.compare.rows()
        if self.panes.searching is not None:
            return listing.search_rows(self.draft, self.panes.searching)
        if self.panes.set_only:
            return listing.search_rows(self.draft, "set:")
        if self.node.id == outline.PROBLEMS.id:
            return listing.problem_rows(self.draft)
        if self.node.id == outline.CHANGED.id:
            return listing.changed_rows(self.draft)
        return rows.rows_of(self.draft, self.node, tier)

    def row_of(self, path: str) -> Row | None:
        """The row of a path, wherever it is."""
        info = self.draft.find(path)
        with self.draft.visiting(max(0, process_of(path))):
            return None if info is None else rows.option_row(self.draft, info, path)

    def go(self, path: str) -> bool:
        """Puts the cursor on a field, wherever it is; false when it has no row."""
        if (index := process_of(path)) != WHOLE:
            if index >= max(1, len(self.draft.kinds)):
                return False
            self.draft.process = index
        opened = path if holder_of(path) is None else path.rpartition(".")[0]
        nodes = outline.outline(self.draft, opened=path)
        node = node_of(nodes, path)
        if node is None:
            return False
        self.draft.revealed.add(path)  # gone to once, it stays in sight at every tier
        self.panes.leave()
        self.opened = node.id if "[" in node.id or node.kind in ("mapping", "object") else opened
        self.refresh_form()
        self.sidebar.go(node.id)
        self.refresh_form(path)
        self.set_focus(self.option_list)
        return self.row is not None and self.row.path == path

    def show_node(self, node_id: str) -> None:
        """Another section, list item or mapping."""
        self.panes.leave()
        self.opened = node_id
        self.refresh_form()
        self.sidebar.go(node_id)
        self.refresh_form("")

    def choose_process(self, index: int) -> None:
        """Edits another process of the job."""
        self.draft.process = index
        self.show_node(f"process[{index}]")

    def open_container(self, path: str) -> None:
        """Into a list, a mapping or a repeated section: its first item, or what adds one."""
        self.opened = path
        nodes = outline.outline(self.draft, opened=path)
        inside = [node.id for node in nodes if node.id.startswith(f"{path}[") or node.id == path]
        self.show_node(inside[0] if inside else f"{path}+")
        self.set_focus(self.option_list)

    # -- messages of the parts -----------------------------------------------------------------

    @on(Sidebar.Moved)
    def _node_changed(self) -> None:
        self.panes.leave()
        self._enter(self.sidebar.node)
        self.option_list.cursor = 0
        self.refresh_form("")

    def _enter(self, node: Node) -> None:
        """What a node under the sidebar's cursor unfolds: its process, its inner lists."""
        self.opened = node.id
        if node.kind == "process":
            self.draft.process = node.index

    @on(Sidebar.Opened)
    def _node_opened(self) -> None:
        self.panes.leave()
        self.refresh_form()
        if self.node.kind == "add":
            self.items.add()
        elif self.node.id == outline.YAML.id:
            self.query_one(TextPane).focus()
        else:
            self.set_focus(self.option_list)

    @on(OptionList.Moved)
    async def _row_changed(self) -> None:
        await self.acts.leave_editor()
        self.inspector.show(self.draft, self.row)
        self.redraw_frame()

    @on(OptionList.Asked)
    async def _row_asked(self) -> None:
        await self.acts.edit()

    @on(Editor.Typed)
    def _typed(self, event: Editor.Typed) -> None:
        self.acts.typed(event.text)

    @on(Editor.Keep)
    async def _keep(self, event: Editor.Keep) -> None:
        await self.acts.keep(event.text, event.go)

    @on(Editor.Cancel)
    async def _cancel(self) -> None:
        await self.acts.cancel()

    @on(SearchLine.Typed)
    def _search(self, event: SearchLine.Typed) -> None:
        self.panes.search(event.query)

    @on(SearchLine.Move)
    def _search_move(self, event: SearchLine.Move) -> None:
        self.option_list.action_move(event.by) if abs(
            event.by
        ) == 1 else self.option_list.action_page(event.by)

    @on(SearchLine.Closed)
    def _search_end(self, event: SearchLine.Closed) -> None:
        self.panes.end_search(go=event.go)

    # -- frame ---------------------------------------------------------------------------------

    async def action_do(self, name: str) -> None:
        """The act of a key, or the reason why not."""
        if (reason := self.why_not(name)) is not None:
            self.say(reason, "warning")
            return
        result = self._table[name]()
        if hasattr(result, "__await__"):
            await result

    def title_pieces(self) -> list[tuple[str, str]]:
        """File, changed mark, family, errors."""
        draft = self.draft
        has_model = draft.value(draft.here("model")) is not None
        row = draft.family() if has_model else None
        count = len(draft.kinds)
        process = f"  process {draft.process + 1} of {count}" if count > 1 else ""
        words, tone = summary(draft)
        mark = " *" if draft.unsaved or not draft.on_disk else ""
        return [
            (" FineTUI ", "primary"), (f" {draft.name}", "foreground"), (mark, "accent"),
            (process, "primary"), (f"  {row.label}" if row else "", "muted"), (f"  {words} ", tone),
        ]  # fmt: skip

    def resting(self) -> str:
        """The worst thing about the field under the cursor, else where the file is."""
        return self.files.resting()

    def hints(self) -> list[Key]:
        """The keys of the editor or of the search while one is open."""
        if self.query(SearchLine):
            return [
                Key("search.go", "enter", "to the field", "search", hint="go there", rank=1),
                Key("search.end", "ctrl+g", "back", "search", hint="back", rank=2),
                Key("search.move", "up/down", "move", "search", hint="move", rank=3),
            ]
        if self.compare.open:
            return [
                Key("edit", "enter", "take this value", "config", hint="take", rank=1),
                Key("take-all", "D", "take the section", "config", hint="take section", rank=2),
                Key("undo", "u", "undo", "config", hint="undo", rank=3),
                Key("diff", "d", "back", "config", hint="back", rank=4),
            ]
        if self.editing:
            assert self.inspector.editor is not None
            return [
                Key(f"editor.{key}", key, words, "edit", hint=words, rank=at)
                for at, (key, words) in enumerate(self.inspector.editor.HINTS)
            ]
        return [
            row for row in super().hints() if row.id not in AT_TIMES or not self.why_not(row.id)
        ]

    def help_rows(self) -> list[Key]:
        """The editor's keys stand in the help too."""
        return [*self.KEYS, *EDIT_KEYS]

    def why_not(self, key_id: str) -> str | None:
        """Reasons of the acts."""
        for part in self._parts:
            if key_id in part.table():
                return part.why_not(key_id)
        return None

    def go_back(self) -> bool:
        """Closes search, YAML, diff; then there is nothing more to go back from."""
        return self.panes.leave_and_refresh()

    def commands(self) -> list[Command]:
        """What the `:` line can do here."""
        from tui.form.commands import commands

        return commands(self)

    def more_completions(self, text: str) -> list[Completion]:
        """Options by name or label: choosing one starts `set`."""
        from tui.form.commands import path_completions

        found = path_completions(self, text)
        return [Completion(f"set {one.text} ", one.words) for one in found]
