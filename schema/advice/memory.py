"""What a training needs of the GPU's memory, roughly, and what to give up first when it is short.

A rough sum of parts, made to choose settings by, with a margin; `finetui estimate` counts exactly.
Weights, gradients and optimizer states are counted as in ZeRO (Rajbhandari 2020, section 3): here
4 + 4 + 8 bytes for each trained weight, 2 of the 8 with 8-bit Adam (Dettmers 2022). What the
backward pass keeps grows with pixels and batch; checkpointing keeps little more than the inputs of
the blocks for about a third more work (Chen 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from schema.advice.facts import Hardware, Priority
from schema.presets.axes import FamilySheet, Trained

GIB: Final = 2**30
_SHARE: Final = 0.92
"""Of the whole memory: the allocator leaves gaps."""
_CONTEXT: Final = 0.8 * GIB
"""CUDA's own, and what libraries set aside."""
_WORK: Final = 0.6 * GIB
"""Scratch memory of convolutions and of the optimizer's step."""
LORA_SHARE: Final = 0.001
"""Weights of a LoRA for each rank, as a share of the model's: 0.07 % in SD 1.5, 0.11 % in SDXL."""
SMALLEST_RANK: Final = 8
SMALLEST_SIDE: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The settings that memory depends on. `side` is that of a square picture, in pixels."""

    trains: Trained
    side: int
    batch: int
    accumulation: int = 1
    rank: int = 0
    checkpointing: bool = False
    eight_bit: bool = False
    average: bool = False
    text_encoder: bool = False
    text_cached: bool = False
    quantized: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """A setup that fits, or the smallest one; `saved` says by setting what it was changed for."""

    setup: Setup
    peak: int
    budget: int | None
    saved: tuple[tuple[str, str], ...]

    @property
    def fits(self) -> bool:
        """Whether it fits; true where the memory is not known."""
        return self.budget is None or self.peak <= self.budget

    def why(self, setting: str) -> str | None:
        """For what a setting was changed, if it was."""
        return dict(self.saved).get(setting)


def budget_of(hardware: Hardware | None) -> int | None:
    """Bytes that a training may take of the GPU; None where its memory is not known."""
    if hardware is None or hardware.memory is None:
        return None
    return max(0, int(hardware.memory * _SHARE - hardware.used - _CONTEXT))


def peak(setup: Setup, family: FamilySheet) -> int:
    """Bytes of GPU memory at the busiest moment of a step."""
    weights = family.billions * 1e9
    encoders = family.encoder_billions * 1e9
    whole = setup.trains == "model"
    per_weight = 4 + 4 + (2 if setup.eight_bit else 8) + (4 if setup.average else 0)
    if whole:
        per_weight += 2  # autocast keeps a 16-bit copy until the backward pass is over
    trained = weights * (1 if whole else 0.4 if setup.trains == "adapter" else 0)
    trained += 0 if whole else LORA_SHARE * weights * setup.rank
    total = trained * per_weight
    if not whole:
        total += weights * (1 if setup.quantized else 2)
    if setup.text_encoder:
        total += encoders * (per_weight if whole else 2)
    elif not setup.text_cached:
        total += encoders * 2
    kept = family.gib_per_megapixel[1 if setup.checkpointing else 0] * GIB
    total += setup.batch * kept * setup.side**2 / 2**20
    return int(total + _WORK)


Saving = tuple[str, str, Callable[[Setup], Setup | None]]
"""The setting that is given up, a sentence on why, and the cheaper setup (None: nothing to save).
"""


def _checkpoint(setup: Setup) -> Setup | None:
    return None if setup.checkpointing else replace(setup, checkpointing=True)


def _split(setup: Setup) -> Setup | None:
    if setup.batch == 1:
        return None
    half = setup.batch // 2
    return replace(setup, batch=half, accumulation=setup.accumulation * (setup.batch // half))


def _halve(setup: Setup) -> Setup | None:
    return None if setup.batch == 1 else replace(setup, batch=setup.batch // 2)


def _eight_bit(setup: Setup) -> Setup | None:
    return None if setup.eight_bit else replace(setup, eight_bit=True)


def _cache_text(setup: Setup) -> Setup | None:
    if setup.text_cached or setup.text_encoder:
        return None
    return replace(setup, text_cached=True)


def _leave_text(setup: Setup) -> Setup | None:
    return replace(setup, text_encoder=False) if setup.text_encoder else None


def _quantize(setup: Setup) -> Setup | None:
    if setup.quantized or setup.trains == "model":
        return None
    return replace(setup, quantized=True)


def _no_average(setup: Setup) -> Setup | None:
    return replace(setup, average=False) if setup.average else None


def _smaller_rank(setup: Setup) -> Setup | None:
    return replace(setup, rank=setup.rank // 2) if setup.rank > SMALLEST_RANK else None


def _smaller(setup: Setup) -> Setup | None:
    side = setup.side * 3 // 4 // 64 * 64
    return replace(setup, side=side) if side >= SMALLEST_SIDE else None


_CHECKPOINT: Final[Saving] = (
    "checkpointing", "Saves much memory for about a third more time; the result is the same.",
    _checkpoint,
)  # fmt: skip
_SPLIT: Final[Saving] = (
    "batch", "As many as fit at once; gradient accumulation makes up for the rest.", _split,
)  # fmt: skip
_HALVE: Final[Saving] = ("batch", "As many as fit at once.", _halve)
_REST: Final[tuple[Saving, ...]] = (
    ("text_cached", "Captions are read once, then the text encoder makes room.", _cache_text),
    ("eight_bit", "Adam's memory in 8 bits: a quarter of the bytes, nearly the same result.",
     _eight_bit),
    ("average", "An average of the weights would not fit into the memory.", _no_average),
    ("quantized", "The frozen base in 8 bits takes half the memory.", _quantize),
    ("text_encoder", "The text encoder stays as it is, to save memory.", _leave_text),
    ("rank", "A smaller network, so that it fits into the memory.", _smaller_rank),
    ("text_cached", "Captions are read once, then the text encoder makes room.", _cache_text),
    ("side", "Smaller than the model's own size, so that it fits into the memory.", _smaller),
)  # fmt: skip


def _ladder(priority: Priority) -> tuple[Saving, ...]:
    """What is given up, the least harmful first."""
    if priority == "speed":  # fewer pictures at once cost less time than checkpointing does
        return (_HALVE, _CHECKPOINT, *_REST)
    return (_CHECKPOINT, _SPLIT, *_REST)


def fit(
    setup: Setup,
    family: FamilySheet,
    budget: int | None,
    priority: Priority,
    allowed: Callable[[str, Setup], bool] = lambda setting, setup: True,
) -> Fitted:
    """The wished setup, cut down until it fits: one saving after another, each as far as it goes.

    `allowed(setting, setup)` says whether a setting may be changed so. With the priority `memory`
    what costs nothing but time is saved from the start.
    """
    saved: dict[str, str] = {}
    if priority == "memory":
        for saving in (_CHECKPOINT, _SPLIT, *_REST[:2]):
            for cheaper in _further(setup, saving, allowed):
                setup, saved[saving[0]] = cheaper, saving[1]
    for saving in _ladder(priority):
        if budget is None:
            break
        for cheaper in _further(setup, saving, allowed):
            if peak(setup, family) <= budget:
                break
            setup, saved[saving[0]] = cheaper, saving[1]
    return Fitted(setup, peak(setup, family), budget, tuple(saved.items()))


def _further(
    setup: Setup, saving: Saving, allowed: Callable[[str, Setup], bool]
) -> Iterator[Setup]:
    """Ever cheaper setups by one kind of saving."""
    setting, _, change = saving
    while (cheaper := change(setup)) is not None and allowed(setting, cheaper):
        setup = cheaper
        yield setup
