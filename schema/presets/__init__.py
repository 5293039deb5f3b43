"""Ready configs to begin from: YAML files beside this module, a row of the table each."""

from dataclasses import dataclass
from importlib import resources
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset. The text is a config with comments, to be edited by its new owner."""

    name: str
    label: str
    help: str
    arch: str

    @property
    def text(self) -> str:
        """The YAML text. Raises FileNotFoundError if the installation is damaged."""
        file = resources.files(__package__).joinpath(f"{self.name}.yaml")
        return file.read_text(encoding="utf-8")

    def as_json(self) -> dict[str, Any]:
        """What `finetui presets --json` prints of it."""
        return {"name": self.name, "label": self.label, "help": self.help, "arch": self.arch}


PRESETS: Final[tuple[Preset, ...]] = (
    Preset(
        "style",
        "Style LoRA",
        "Teach a look: 20 to 200 pictures in one style, captions that describe the contents only.",
        "sd1",
    ),
    Preset(
        "character",
        "Character LoRA",
        "Teach one person or thing: 10 to 40 pictures and a made-up trigger word.",
        "sd1",
    ),
    Preset(
        "full",
        "Full fine-tune",
        "Train every weight of the model on hundreds of pictures; needs the most memory.",
        "sd1",
    ),
)


def find_preset(name: str) -> Preset | None:
    """The preset of that name, if there is one."""
    return next((preset for preset in PRESETS if preset.name == name), None)
