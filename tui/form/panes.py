"""What stands in the middle besides a section: search, YAML, diff; and the walk of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tui.form import outline
from tui.form.acts import Act
from tui.form.optionlist import OptionList
from tui.form.outline import Node
from tui.form.rows import TIERS
from tui.form.searchline import SearchLine
from tui.form.textpane import TextPane, diff_lines, yaml_lines
from tui.widgets.crumb import Crumb

if TYPE_CHECKING:
    from tui.views.config import ConfigView

Shown = Literal["rows", "yaml", "diff"]


class Panes:
    """Search, YAML, diff, changed-only, and the way to the next error."""

    def __init__(self, view: ConfigView) -> None:
        self.view = view
        self.shown: Shown = "rows"
        self.searching: str | None = None
        self.set_only = False
        self._last_search = ""
        self._matches: list[str] = []
        self._came_from = ("", "")  # section and option to go back to

    def table(self) -> dict[str, Act]:
        """Acts by key id."""
        return {
            "find": self.find,
            "find.next": lambda: self.next_match(1),
            "find.previous": lambda: self.next_match(-1),
            "changed": lambda: self._virtual(outline.CHANGED.id),
            "problems": lambda: self._virtual(outline.PROBLEMS.id),
            "set-only": self.toggle_set_only,
            "error": self.next_error,
            "tier": self.next_tier,
            "yaml": lambda: self.toggle("yaml"),
            "section.previous": lambda: self.section(-1),
            "section.next": lambda: self.section(1),
            "swap-names": self.swap_names,
        }

    def why_not(self, key_id: str) -> str | None:
        """Why an act does nothing now."""
        if key_id in ("find.next", "find.previous") and not self._matches:
            return "search first, with /"
        if key_id == "error" and not self._problem_paths():
            return "no errors and no warnings"
        return None

    @property
    def plain(self) -> bool:
        """Whether a section is shown, nothing else."""
        other = self.searching is not None or self.set_only or self.view.compare.open
        return self.shown == "rows" and not other

    # -- search --------------------------------------------------------------------------------

    async def find(self) -> None:
        """Opens the search line above the list."""
        if not self.view.query(SearchLine):
            self.show("rows")
            self.searching = ""
            await self.view.query_one("#center").mount(SearchLine(), before=0)
            self.view.refresh_form("")

    def search(self, query: str) -> None:
        """Results for what is typed so far, the best on top."""
        self.searching = query
        self.view.option_list.cursor = 0
        self.view.refresh_form("")

    def end_search(self, *, go: bool) -> None:
        """Goes to the chosen match, or back to where one was."""
        view, row = self.view, self.view.row
        self._matches = [other.path for other in view.option_list.rows if other.selectable]
        self.leave()
        if go and row is not None:
            view.go(row.path)
        else:
            view.refresh_form()
            view.set_focus(view.option_list)

    def next_match(self, by: int) -> None:
        """The next or previous match of the last search."""
        here = self.view.row.path if self.view.row else ""
        at = self._matches.index(here) + by if here in self._matches else 0
        self.view.go(self._matches[at % len(self._matches)])
        self.view.say(f"match {at % len(self._matches) + 1} of {len(self._matches)}")

    # -- what fills the middle -----------------------------------------------------------------

    def show(self, what: Shown) -> None:
        """Rows, or text in their place."""
        self.shown = what
        self.view.query_one(TextPane).display = what != "rows"
        self.view.query_one(OptionList).display = what == "rows"

    def toggle(self, what: Shown) -> None:
        """YAML or diff, and back."""
        self.show("rows" if self.shown == what else what)
        self.refresh()
        self.view.set_focus(self.view.query_one(TextPane if self.shown != "rows" else OptionList))
        self.view.redraw_frame()

    def leave(self) -> None:
        """Back to plain rows; the caller refreshes."""
        self.searching, self.set_only, self.view.compare.open = None, False, False
        self.view.query(SearchLine).remove()
        if self.shown != "rows":
            self.show("rows")

    def leave_and_refresh(self) -> bool:
        """The same for the back key; false when there was nothing to leave."""
        if self.plain and self.view.node.kind != "virtual":
            return False
        self.leave()
        path = None
        if self.view.node.kind == "virtual":
            node, path = self._came_from
            known = any(one.id == node for one in self.view.nodes)
            self.view.show_node(node if known else self.view.nodes[0].id)
        self.view.refresh_form(path)
        self.view.set_focus(self.view.option_list)
        return True

    def refresh(self) -> None:
        """The crumb, and the text where text is shown."""
        view, draft = self.view, self.view.draft
        is_yaml = self.shown == "yaml" or (self.plain and view.node.id == outline.YAML.id)
        pane = view.query_one(TextPane)
        pane.display = is_yaml or self.shown == "diff"
        view.option_list.display = not pane.display
        if is_yaml:
            line = draft.document.place(view.row.path)[0] if view.row and view.row.path else 0
            lit = (line - 1,) if line else ()
            pane.show(yaml_lines(draft.document.text(), draft.saved_text), lit)
        elif self.shown == "diff":
            pane.show(diff_lines(draft.document.text(), draft.saved_text, exists=draft.on_disk))
        view.query_one(Crumb).show(*self._crumb(is_yaml=is_yaml))

    def _crumb(self, *, is_yaml: bool) -> tuple[str, str]:
        if is_yaml:
            return "YAML as it would be saved", "v back"
        if self.shown == "diff":
            return "Difference to the file on disk, as text", "q back"
        count = sum(row.selectable for row in self.view.option_list.rows)
        if self.view.compare.open:
            return f"Compared with {self.view.compare.name}", f"{count} differ"
        if self.searching is not None:
            return "Search in all sections", f"{count} found"
        if self.set_only:
            return "What the file sets", f"{count} options"
        node = self.view.node
        return self._place(node), ""

    def _place(self, node: Node) -> str:
        """Where one is: the nodes above, down to this one; `Datasets > Dataset 1 dog > Mask`."""
        nodes = self.view.nodes
        at = next((k for k, one in enumerate(nodes) if one.id == node.id), 0)
        names, depth = [node.title], node.depth
        for above in reversed(nodes[:at]):
            if above.depth < depth and above.kind != "add":
                names.insert(0, above.title)
                depth = above.depth
        if node.section and node.kind in ("item", "add") and len(names) == 1:
            names.insert(0, self.view.draft.layout.section(node.section).label)
        return " > ".join(names)

    # -- ways through the config ---------------------------------------------------------------

    def _virtual(self, node_id: str) -> None:
        """To Changed or Problems, and back to the field with the same key."""
        view = self.view
        if view.node.id == node_id and self.plain:
            self.leave_and_refresh()
            return
        if view.node.kind != "virtual":
            self._came_from = (view.node.id, view.row.path if view.row else "")
        view.show_node(node_id)
        view.set_focus(view.option_list)

    def toggle_set_only(self) -> None:
        """Only what the file sets, of every section."""
        self.leave() if self.set_only else self._start_set_only()
        self.view.refresh_form("")
        self.view.set_focus(self.view.option_list)

    def _start_set_only(self) -> None:
        self.leave()
        self.set_only = True

    def _problem_paths(self) -> list[str]:
        errors = [f.path for f in self.view.draft.findings if f.severity == "error" and f.path]
        others = [f.path for f in self.view.draft.findings if f.severity == "warning" and f.path]
        return list(dict.fromkeys(errors or others))

    def next_error(self) -> None:
        """The next field with an error; where there is none, with a warning."""
        paths = self._problem_paths()
        here = self.view.row.path if self.view.row else ""
        at = (paths.index(here) + 1) % len(paths) if here in paths else 0
        if not self.view.go(paths[at]):
            self._virtual(outline.PROBLEMS.id)
            return
        message = self.view.draft.findings_at(paths[at])[0].message
        self.view.say(f"{at + 1} of {len(paths)}: {message}", "error")

    def next_tier(self) -> None:
        """basic, advanced, expert, and basic again."""
        settings = self.view.frame.settings
        settings.tier = TIERS[(TIERS.index(settings.tier) + 1) % len(TIERS)]
        settings.save()
        self.view.refresh_form()
        self.view.say(
            f"showing {settings.tier} options{' and below' if settings.tier != 'basic' else ''}"
        )

    def section(self, by: int) -> None:
        """The next or previous section, group or item."""
        view = self.view
        order = [node.id for node in view.nodes if node.kind != "add"]
        at = (order.index(view.node.id) + by) % len(order) if view.node.id in order else 0
        view.show_node(order[at])

    def swap_names(self) -> None:
        """YAML keys in place of labels, and back."""
        rows = self.view.option_list
        rows.keys_first = not rows.keys_first
        rows.refresh()
