"""Preview prompts: the settings of one preview, with the flags that may follow its text.

``a red ring --w 768 --seed 3`` asks for a width and a seed. A flag counts only at the start of the
text or after white space, by its exact name, and followed by white space or the end; everything
else is prompt, so a dash in a sentence is left alone. The last of several equal flags wins. A flag
beats the key of the sample, which beats the key of the section.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from schema.formulas.captions import fill_placeholders


def numbers(text: str) -> list[float]:
    """Numbers parted by commas. Raises ValueError for anything else."""
    return [float(part) for part in text.split(",")]


FLAGS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "n": ("neg", str),
    "w": ("width", int),
    "h": ("height", int),
    "d": ("seed", int),
    "seed": ("seed", int),
    "l": ("guidance_scale", float),
    "cfg": ("guidance_scale", float),
    "s": ("sample_steps", int),
    "steps": ("sample_steps", int),
    "m": ("network_multiplier", float),
    "network_multiplier": ("network_multiplier", float),
    "gr": ("guidance_rescale", float),
    "a": ("adapter_conditioning_scale", float),
    "ref": ("refiner_start_at", float),
    "ev": ("extra_values", numbers),
    "extra_values": ("extra_values", numbers),
    "frames": ("num_frames", int),
    "num_frames": ("num_frames", int),
    "fps": ("fps", int),
    "ctrl_img": ("ctrl_img", str),
    "ctrl_idx": ("ctrl_idx", int),
    "p2": ("prompt_2", str),
    "n2": ("neg_2", str),
}
"""Flag -> the setting that it sets, and how its text is read."""
_FLAG = re.compile(rf"(?:^|(?<=\s))--({'|'.join(sorted(FLAGS, key=len, reverse=True))})(?=\s|$)")
_WORDS = {int: "a whole number", float: "a number", numbers: "numbers parted by commas"}
SIZE_STEP = 8
SMALLEST = 64


@dataclass(frozen=True)
class PreviewRequest:
    """One preview to make. ``seed`` may still be -1, which means a new one each time."""

    prompt: str
    neg: str
    width: int
    height: int
    seed: int
    guidance_scale: float
    sample_steps: int
    network_multiplier: float
    guidance_rescale: float = 0.0
    refiner_start_at: float = 1.0
    prompt_2: str | None = None  # for the second text encoder, where it is told something else
    neg_2: str | None = None


_DRAWN = frozenset(PreviewRequest.__annotations__)


def _spelled(settings: Iterable[str]) -> str:
    """The flags of some settings, as people write them."""
    return ", ".join(f"--{flag}" for flag, (key, _) in FLAGS.items() if key in settings)


def split_flags(text: str) -> tuple[str, dict[str, Any]]:
    """The prompt without its flags, and what they set.

    Raises ValueError with a sentence for people when a value is missing or of the wrong kind.
    """
    found = list(_FLAG.finditer(text))
    values: dict[str, Any] = {}
    ends = [*(flag.start() for flag in found), len(text)][1:]
    for flag, end in zip(found, ends, strict=True):
        key, convert = FLAGS[flag.group(1)]
        values[key] = _convert(flag.group(1), convert, text[flag.end() : end].strip())
    prompt = text[: found[0].start()] if found else text
    return prompt.strip(), values


def _convert(flag: str, convert: Callable[[str], Any], value: str) -> Any:
    if not value:
        raise ValueError(f"--{flag} needs a value.")
    try:
        return convert(value)
    except ValueError:
        raise ValueError(f"--{flag} needs {_WORDS[convert]}, not {value!r}.") from None


def round_side(pixels: int) -> int:
    """A side that previews can have: a multiple of 8, rounded down, at least 64."""
    return max(SMALLEST, pixels - pixels % SIZE_STEP)


def preview_requests(
    section: dict[str, Any], items: list[dict[str, Any]], trigger: str | None
) -> list[PreviewRequest]:
    """The previews of one round, in order.

    ``section`` holds the values of the sample section by key; ``items`` those of each sample,
    where None means the section's. With ``walk_seed`` sample i starts from seed + i; a seed of its
    own wins. Raises ValueError naming the sample (counted from 1) whose flags cannot be read.
    """
    requests = []
    for index, item in enumerate(items):
        values = {name: section[name] for name in _DRAWN if name in section}
        if section.get("walk_seed") and values["seed"] >= 0:
            values["seed"] += index
        values |= {
            name: value for name, value in item.items() if value is not None and name in _DRAWN
        }
        try:
            values["prompt"], flags = split_flags(fill_placeholders(item["prompt"], trigger))
        except ValueError as fault:
            raise ValueError(f"sample {index + 1}: {fault}") from None
        if waiting := flags.keys() - _DRAWN:
            raise ValueError(f"sample {index + 1}: {_spelled(waiting)} is not in the engine yet.")
        values |= flags
        values["neg"] = values["neg"] if isinstance(values["neg"], str) else ""
        values["width"], values["height"] = (
            round_side(values["width"]),
            round_side(values["height"]),
        )
        requests.append(PreviewRequest(**values))
    return requests
