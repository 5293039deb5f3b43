"""Parameters, trained tensors and bytes of a model with its network, from its configs alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from engine.assembly.learned import with_learned_prompts
from engine.counts.activations import measured
from engine.counts.recording import CPU, fake, make_fake
from engine.counts.weightless import META, weightless
from engine.families import family_for
from engine.families.base import Family
from engine.networks import build
from schema.estimate.counts import VERSION, Component, Group, Role
from schema.sections.job import TrainerProcess

SEED = 0
"""The network's start values have no content here."""


def opened(process: TrainerProcess, dtype: torch.dtype) -> Family:
    """The whole model on the meta device, each part in the dtype that training would hold it in."""
    train = process.train
    exact = torch.float32 if process.fine_tunes else None
    with weightless():
        family = family_for(process.model.arch).open(process.model, train, META, dtype)
        family.load_text_encoders(exact if train.train_text_encoder else None)
        family.load_vae()
        if exact and train.train_refiner:
            family.train_refiner(with_base=train.train_unet)
        family.load_denoisers(exact if train.train_unet else None)
    return family


def counted(process: TrainerProcess, dtype: torch.dtype, *, measure: bool) -> dict[str, Any]:
    """The JSON form of `schema.estimate.counts.Counts`."""
    family = opened(process, dtype)
    components = [asdict(part) for part in components_of(family)]
    save = process.save.save_format
    trained = with_learned_prompts(
        process, family, "", SEED, lambda: build(family, process.network, process.train, save, SEED)
    )
    side = int(family.row.resolution) // family.size_multiple * family.size_multiple
    side = side or family.size_multiple
    latent = 1
    for extent in family.latent_shape(side, side):
        latent *= extent
    answer: dict[str, Any] = {
        "version": VERSION,
        "arch": family.row.arch,
        "size_multiple": family.size_multiple,
        "components": components,
        "trained": [_group(name, group) for name, group in trained.groups.items()],
        "latent_values": latent / (side * side),
    }
    with fake():
        row = prompt_row(family)
        answer["prompt_bytes"] = sum(part.nbytes for part in row.parts.values())
        # Gradients that only prompts get need an encoded prompt, which has no content here.
        if measure and (process.fine_tunes or process.network is not None):
            answer["activations"] = measured(family, trained, process, row)
    return answer


def prompt_row(family: Family) -> Any:
    """One prompt's conditioning; from here on the model's tensors are those of `fake`."""
    family.device = CPU
    for module in parts_of(family):
        make_fake(module)
    with torch.no_grad():
        return family.encode_prompts([""])


def parts_of(family: Family) -> list[nn.Module]:
    """Every module of the model that is loaded."""
    vae = [] if family.vae is None else [family.vae]
    return [d.module for d in family.denoisers] + [*family.text_encoders.values(), *vae]


def components_of(family: Family) -> list[Component]:
    """The parts of a loaded model, before a network is attached."""
    found = [_component(d.name, "denoiser", d.module) for d in family.denoisers]
    found += [_component(n, "text_encoder", m) for n, m in family.text_encoders.items()]
    return found + ([] if family.vae is None else [_component("vae", "vae", family.vae)])


def _component(name: str, role: Role, module: nn.Module) -> Component:
    linear = {
        id(part.weight): part.weight.numel()
        for part in module.modules()
        if isinstance(part, nn.Linear)
    }
    return Component(
        name,
        role,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        linear=sum(linear.values()),
        buffers=sum(buffer.nbytes for buffer in module.buffers()),
    )


def _group(name: str, parameters: Mapping[str, nn.Parameter]) -> dict[str, Any]:
    shapes = Counter(tuple(parameter.shape) for parameter in parameters.values())
    group = Group(
        name,
        parameters=sum(parameter.numel() for parameter in parameters.values()),
        tensors=len(parameters),
        names=sum(map(len, parameters)),
        shapes=tuple(shapes.items()),
    )
    return asdict(group)
