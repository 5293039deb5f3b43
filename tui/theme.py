"""Themes: YAML files with named colours, turned into Textual themes and Rich styles.

The files lie in `themes/` and, for users, in `<config folder>/themes/`. A theme names every colour
in `FIELDS`; it may correct single ones for terminals with 256 (`x256`) or 16 colours (`x16`), where
nearest matching would merge what must stay apart. A broken file is reported with its line and key,
and the app goes on with `dark`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import yaml
from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.theme import Theme

FIELDS: dict[str, str] = {
    "background": "behind everything",
    "surface": "behind side columns",
    "panel": "behind the title and key lines",
    "foreground": "text",
    "muted": "help, units, defaults",
    "border": "lines between panes",
    "primary": "where you are, headings, keys",
    "accent": "changed by you",
    "success": "fine",
    "warning": "worth a look",
    "error": "must be repaired",
    "cursor": "behind the selected row",
    "cursor-text": "text of the selected row",
    "chart-raw": "single values",
    "chart-smooth": "smoothed curve",
    "chart-2": "second series",
    "chart-3": "third series",
    "chart-4": "fourth series",
    "chart-axis": "axes and their numbers",
    "chart-mark": "saves, samples, restarts",
    "chart-bad": "NaN and infinity",
    "gpu-ok": "load within limits",
    "gpu-warm": "high",
    "gpu-hot": "too high",
    "gpu-empty": "the empty part of a bar",
    "state-waiting": "queued, preparing, caching",
    "state-running": "training, sampling, saving",
    "state-paused": "paused, stopping, interrupted",
    "state-done": "finished",
    "state-failed": "failed, lost",
}
ANSI_VARIABLES = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "input-cursor-text-style": "reverse",
}
"""What Textual's own style sheets expect of a theme in the terminal's colours."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's reader where it was built in: 20 ms of the start less."""
SHIPPED = Path(__file__).parent.parent / "themes"
DEFAULT = "dark"


class ThemeError(ValueError):
    """A theme file that cannot be used; the text names file, line and key."""


@dataclass(frozen=True)
class Look:
    """One theme at one colour depth: a colour for every name in `FIELDS`.

    Values are `#rrggbb`, or `ansi_*` names for themes that use the terminal's own colours.
    """

    name: str
    label: str
    dark: bool
    colors: Mapping[str, str]
    ansi: bool = False
    styles: dict[tuple[object, ...], Style] = field(default_factory=dict, compare=False, repr=False)

    def style(
        self, name: str, on: str | None = None, *, bold: bool = False, underline: bool = False
    ) -> Style:
        """The Rich style for text in colour `name` on colour `on` (none: what lies behind)."""
        key = (name, on, bold, underline)
        if (style := self.styles.get(key)) is None:
            reverse = self.ansi and on == "cursor"
            style = Style(
                color=None if reverse else _rich(self.colors[name]),
                bgcolor=None if reverse or on is None else _rich(self.colors[on]),
                bold=bold or None,
                underline=underline or None,
                dim=(self.ansi and not reverse and name == "muted") or None,
                reverse=reverse or None,
            )
            self.styles[key] = style
        return style

    def textual(self) -> Theme:
        """The same as a Textual theme; its CSS variables include every field name."""
        color = self.colors
        return Theme(
            name=self.name,
            primary=color["primary"],
            secondary=color["accent"],
            accent=color["accent"],
            success=color["success"],
            warning=color["warning"],
            error=color["error"],
            foreground=color["foreground"],
            background=color["background"],
            surface=color["surface"],
            panel=color["panel"],
            dark=self.dark,
            ansi=self.ansi,
            text_alpha=1.0,
            variables=self._variables(),
        )

    def _variables(self) -> dict[str, str]:
        color = self.colors
        own = ANSI_VARIABLES if self.ansi else {}
        return {
            **own,
            **color,
            # Textual's own styles for inline apps and lists ask for these two by name.
            "ansi-background": color["background"],
            "ansi-foreground": color["foreground"],
            "text": color["foreground"],
            "text-muted": color["muted"],
            "text-disabled": color["muted"],
            **{
                f"text-{name}": color[name]
                for name in ("primary", "accent", "success", "warning", "error")
            },
            "block-cursor-background": color["cursor"],
            "block-cursor-foreground": color["cursor-text"],
            "block-cursor-blurred-background": color["panel"],
            "block-cursor-blurred-foreground": color["foreground"],
            "input-cursor-background": color["foreground"],
            "input-cursor-foreground": color["background"],
            "input-selection-background": color["cursor"],
            "scrollbar": color["border"],
            "scrollbar-hover": color["muted"],
            "scrollbar-active": color["primary"],
            "scrollbar-background": color["background"],
            "scrollbar-background-hover": color["background"],
            "scrollbar-background-active": color["background"],
            "scrollbar-corner-color": color["background"],
        }


@lru_cache(256)
def _rich(color: str) -> RichColor:
    return Color.parse(color).rich_color


def names(user_folder: Path | None = None) -> list[str]:
    """Names of the themes there are, shipped ones first."""
    found = [file.stem for file in sorted(SHIPPED.glob("*.yaml"))]
    if user_folder is not None and user_folder.is_dir():
        found += [f.stem for f in sorted(user_folder.glob("*.yaml")) if f.stem not in found]
    return sorted(found, key=lambda name: (name != DEFAULT, name))


def load(name: str, depth: str = "true", user_folder: Path | None = None) -> Look:
    """The theme of that name for a colour depth (`true`, `256`, `16`).

    A file of the user wins over a shipped one of the same name.

    Raises:
        ThemeError: there is no such file, or it names a colour wrongly or not at all.
    """
    for folder in (user_folder, SHIPPED):
        if folder is not None and (file := folder / f"{name}.yaml").is_file():
            return _read(file, depth)
    raise ThemeError(f"no theme {name!r}; there are: {', '.join(names(user_folder))}")


def _read(file: Path, depth: str) -> Look:
    text = file.read_text(encoding="utf-8")
    try:
        data = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ThemeError(f"{file}:{line}: {error.problem}") from error
    if not isinstance(data, dict) or not isinstance(data.get("colors"), dict):
        raise ThemeError(f"{file}:1: a theme needs `colors:`")
    colors = {**data["colors"], **(data.get(f"x{depth}") or {})}
    for key, value in colors.items():
        line = next((n for n, row in enumerate(text.splitlines(), 1) if f"{key}:" in row), 1)
        if key not in FIELDS:
            raise ThemeError(f"{file}:{line}: unknown colour name {key!r}")
        try:
            Color.parse(str(value))
        except ColorParseError as error:
            raise ThemeError(f"{file}:{line}: {key}: not a colour: {value!r}") from error
    if missing := [key for key in FIELDS if key not in colors]:
        raise ThemeError(f"{file}:1: missing colours: {', '.join(missing)}")
    return Look(
        name=file.stem,
        label=str(data.get("label", file.stem)),
        dark=bool(data.get("dark", True)),
        colors={key: str(value) for key, value in colors.items()},
        ansi=bool(data.get("ansi", False)),
    )
