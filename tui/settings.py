"""The user's own settings of the app: theme, mouse, images, tier; and the files opened last.

`settings.yaml`, `keys.yaml` and `themes/` lie in the config folder; what the app remembers by
itself (`recent.json`, drafts) in the state folder. A broken file never stops the app: what is wrong
with it is kept in `problems` and shown once.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import yaml

from schema.atomic import write_atomic
from schema.home import config_dir, state_dir

RECENT_KEPT = 12
NOT_KEPT = ("problems", "own_theme")


@dataclass
class Settings:
    """What the user chose; every field is a line of `settings.yaml`."""

    theme: str = "dark"
    tier: str = "basic"
    mouse: bool = True
    images: str = "auto"
    cell_pixels: str = "auto"
    chart_symbols: str = "braille"
    problems: list[str] = field(default_factory=list, compare=False)
    own_theme: str = field(default="", compare=False)
    """The theme of the file where the environment names another one for this time."""

    def save(self) -> None:
        """Writes `settings.yaml`; a folder that cannot be written is said in `problems`."""
        data = {key: value for key, value in asdict(self).items() if key not in NOT_KEPT}
        if self.own_theme and self.theme == os.environ.get("FINETUI_THEME"):
            data["theme"] = self.own_theme
        file = config_dir() / "settings.yaml"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, yaml.safe_dump(data, sort_keys=False))
        except OSError as error:
            self.problems.append(f"{file}: {error.strerror}")


def load() -> Settings:
    """The settings on disk, with defaults for what is missing or of a wrong type."""
    settings = Settings()
    data = _read_yaml(config_dir() / "settings.yaml", settings.problems)
    for spec in fields(Settings):
        value = data.get(spec.name, getattr(settings, spec.name))
        if spec.name in NOT_KEPT:
            continue
        if isinstance(value, type(getattr(settings, spec.name))):
            setattr(settings, spec.name, value)
        else:
            settings.problems.append(f"settings.yaml: {spec.name} cannot be {value!r}")
    if theme := os.environ.get("FINETUI_THEME"):
        settings.own_theme, settings.theme = settings.theme, theme
    return settings


def theme_folder() -> Path:
    """Where the user's own themes lie; may not exist."""
    return config_dir() / "themes"


def load_keys(problems: list[str]) -> dict[str, str]:
    """The user's own keys: binding id to keys, comma between several."""
    data = _read_yaml(config_dir() / "keys.yaml", problems)
    return {
        str(name): ",".join(map(str, keys)) if isinstance(keys, list) else str(keys)
        for name, keys in data.items()
    }


def _read_yaml(file: Path, problems: list[str]) -> dict[str, object]:
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"{file}: {str(error).splitlines()[0]}")
        return {}
    return data if isinstance(data, dict) else {}


def recent() -> list[Path]:
    """Configs opened last, newest first; those that are gone are left out."""
    try:
        paths = json.loads((state_dir() / "recent.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Path(path) for path in paths if isinstance(path, str) and Path(path).is_file()]


def remember(path: Path) -> None:
    """Puts a config at the head of the recent ones."""
    path = path.resolve()
    _keep([path, *(other for other in recent() if other != path)])


def forget(path: Path) -> None:
    """Takes a config off the recent ones; the file stays."""
    _keep([other for other in recent() if other != path])


def _keep(paths: list[Path]) -> None:
    """Writes the list; silently not, where nothing can be written."""
    file = state_dir() / "recent.json"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps([str(path) for path in paths[:RECENT_KEPT]], indent=1))
    except OSError:
        return
