"""What the networks' tests share: attach, wake up, ask the model, look into the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.families.base import Family
from engine.networks import Trained, build
from schema.sections.network import Network
from schema.sections.train import Train
from tests.engine import tiny, tiny_sd


class Told:
    """What a network says to people."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def say(self, line: str) -> None:
        """A line of the log."""
        self.lines.append(line)

    def warning(self, message: str) -> None:
        """A warning."""
        self.warnings.append(message)


def attach(
    family: Family,
    *,
    train: Train | None = None,
    told: Told | None = None,
    start: Path | None = None,
    seed: int = 0,
    **options: Any,
) -> Any:
    """The configured network on the family."""
    settings = train or Train()
    found: Trained = build(
        family,
        Network(**options),
        settings,
        "safetensors",
        seed,
        report=told,
        start=None if start is None else str(start),
    )
    return found


def wake(network: Trained, size: float = 0.05, seed: int = 5) -> None:
    """Random numbers in every parameter, so that the network does something."""
    random = torch.Generator().manual_seed(seed)
    state = network.state_dict().items()
    network.load_state_dict({n: torch.randn(t.shape, generator=random) * size for n, t in state})


def predict(family: Family, rows: int = 2, side: int = 8) -> Tensor:
    """The denoiser's answer to one fixed question, `rows` times."""
    random = torch.Generator().manual_seed(3)
    channels = family.latent_shape(64, 64)[0]
    latents = torch.randn(1, channels, side, side, generator=random).expand(rows, -1, -1, -1)
    conditioning = family.encode_prompts(["a photo"] * rows)
    if family.told_sizes:
        sizes = torch.tensor([[64, 64, 0, 0, 64, 64]] * rows)
        conditioning = family.with_sizes(conditioning, sizes)
    t_B = torch.full((rows,), 300)
    return family.predict(family.denoisers[0], latents, t_B, conditioning)


def saved(network: Trained, path: Path) -> dict[str, Tensor]:
    """The tensors of the file that it writes."""
    assert network.save(path, torch.float32, {}) == [path]
    found: dict[str, Tensor] = load_file(path)
    return found


def layers(network: Any) -> set[str]:
    """The changed layers of the denoiser, by their names in it."""
    return {name.split(".", 1)[1] for name in network.layers if name.startswith("unet.")}


def of_arch(arch: str, folder: Path) -> Any:
    """A tiny model of a Stable Diffusion family with everything loaded."""
    if arch == "sd1":
        return tiny.load_sd1(tiny.build_sd1(folder / arch))
    built = {"sd2": tiny_sd.build_sd2, "sdxl": tiny_sd.build_sdxl}[arch](folder / arch)
    return tiny_sd.load_family(arch, built)
