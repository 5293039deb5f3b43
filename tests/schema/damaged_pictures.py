"""Pictures that are whole, cut or spoilt, and what `check` says of a config that names them."""

import random
from pathlib import Path

from PIL import Image

from schema.check import check_file
from schema.findings import Finding
from schema.looking import Decode, Looking


def codes(config: Path, decode: Decode = "none") -> dict[str, Finding]:
    found = check_file(config, looking=Looking(decode))
    return {finding.code: finding for finding in found}


def noisy(path: Path, size: tuple[int, int] = (160, 120)) -> Path:
    """A picture whose data fill its file."""
    dice = random.Random(path.name)
    picture = Image.frombytes("RGB", size, dice.randbytes(3 * size[0] * size[1]))
    picture.save(path)
    path.with_suffix(".txt").write_text(f"noise of {path.name}")
    return path


def spoilt(path: Path) -> Path:
    """The same with a hole in its middle."""
    raw = bytearray(noisy(path).read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 200] = bytes(200)
    path.write_bytes(raw)
    return path


def change(config: Path, old: str, new: str) -> None:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
