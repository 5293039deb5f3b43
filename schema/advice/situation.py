"""One case of advice: the answers with everything that follows from them before any value is set.

Which goal and family these are, what is assumed where nothing is known, and the setup that fits
into the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from schema.advice import amounts
from schema.advice.facts import Answers, Hardware, Pictures
from schema.advice.memory import Fitted, Setup, budget_of, fit
from schema.advice.pictures import are_tags, sides_of
from schema.advice.sheet import Sheet
from schema.families import FamilyRow, family
from schema.presets.axes import FamilySheet, Goal, family_sheet, goals

LARGE_ENCODER = 1.0
"""Billions of weights from which a text encoder is never kept beside the denoiser without need."""
RESOLUTION = "datasets[0].resolution"
_PATHS = {
    "checkpointing": ("train.gradient_checkpointing",),
    "batch": ("train.batch_size", "train.gradient_accumulation"),
    "eight_bit": ("train.optimizer",),
    "average": ("train.ema_config.use_ema",),
    "text_cached": ("train.cache_text_embeddings",),
    "text_encoder": ("train.train_text_encoder",),
    "quantized": ("model.quantize",),
    "rank": ("network.linear",),
    "side": (RESOLUTION,),
}
"""The options behind the settings of a `Setup`."""
_NEEDED = {
    "checkpointing": ("train.gradient_checkpointing", True),
    "eight_bit": ("train.optimizer", "adamw8bit"),
    "average": ("train.ema_config.use_ema", True),
    "text_cached": ("train.cache_text_embeddings", True),
    "text_encoder": ("train.train_text_encoder", True),
    "quantized": ("model.quantize", True),
}
"""The values by which a setting is switched on."""


@dataclass(frozen=True)
class Situation:
    """Answers, machine and pictures, with what they mean."""

    answers: Answers
    hardware: Hardware | None
    pictures: Pictures | None

    @cached_property
    def goal(self) -> Goal:
        """What is taught. Raises KeyError for an unknown goal."""
        return goals()[self.answers.goal]

    @cached_property
    def row(self) -> FamilyRow:
        """The family. Raises KeyError for an unknown one."""
        found = family(self.answers.family)
        if found is None:
            raise KeyError(self.answers.family)
        return found

    @cached_property
    def costs(self) -> FamilySheet:
        """What the family costs."""
        return family_sheet(self.row.arch)

    @cached_property
    def sheet(self) -> Sheet:
        """Where values are collected."""
        return Sheet(self.row, self.goal.process, self.answers.pins, self.goal.essential)

    @property
    def count(self) -> int:
        """How many pictures there are, or the goal is meant for."""
        return self.pictures.count if self.pictures and self.pictures.count else self.goal.pictures

    @property
    def has_pictures(self) -> bool:
        """Whether a folder with pictures was looked at."""
        return self.pictures is not None and self.pictures.count > 0

    @property
    def captions(self) -> tuple[str, ...]:
        """The captions that were read."""
        return self.pictures.captions if self.pictures else ()

    @cached_property
    def tags(self) -> bool:
        """Whether the captions are lists of tags for a CLIP text encoder."""
        clip = all("CLIP" in encoder.name for encoder in self.row.encoders)
        return bool(self.captions) and clip and are_tags(self.captions)

    @property
    def trigger(self) -> str | None:
        """The trigger word: the answer, else the goal's own; empty for none."""
        chosen = self.answers.pins.get("trigger_word", self.answers.trigger)
        return (self.goal.trigger if chosen is None else str(chosen).strip()) or None

    def pinned(self, path: str, otherwise: Any) -> Any:
        """The chosen value of an option, else the given one."""
        return self.answers.pins.get(path, otherwise)

    @cached_property
    def sides(self) -> list[int]:
        """The wished training sizes, the largest last."""
        chosen = self.answers.pins.get(RESOLUTION)
        if chosen is not None:
            return sorted(chosen) if isinstance(chosen, list) else [int(chosen)]
        sizes = self.pictures.sizes if self.pictures else ()
        several = self.goal.trains == "network" and bool(self.goal.pictures)
        return sides_of(sizes, self.row.resolution, self.answers.priority, several)

    @cached_property
    def dtype(self) -> str:
        """The precision that the machine is good at."""
        machine = self.hardware
        if machine is not None and machine.accelerator == "cpu":
            chosen = "fp32"
        elif machine is None or machine.bf16 or self.goal.trains == "model":
            chosen = "bf16"
        else:
            t5 = any("T5" in encoder.name for encoder in self.row.encoders)
            chosen = "bf16" if t5 or self.row.can(("flow",)) else "fp16"
        return str(self.pinned("train.dtype", chosen))

    @cached_property
    def fitted(self) -> Fitted:
        """The setup that fits into the memory."""
        return fit(
            self._wished(),
            self.costs,
            budget_of(self.hardware),
            self.answers.priority,
            self._may_change,
        )

    def _wished(self) -> Setup:
        """What would be taken if memory were no matter."""
        goal, answers = self.goal, self.answers
        batch = amounts.batch(goal, self.count, answers.priority) if goal.pictures else 1
        rank = amounts.rank(goal, self.count, answers.priority)
        text = goal.text_encoder and self.costs.trains_text_encoder
        text = bool(self.pinned("train.train_text_encoder", text and answers.priority != "memory"))
        average = goal.trains == "model" or answers.priority == "quality"
        cached = not text and self.costs.encoder_billions >= LARGE_ENCODER
        optimizer = str(self.pinned("train.optimizer", "adamw"))
        fits = self.sheet.fits
        on_cpu = self.hardware is not None and self.hardware.accelerator == "cpu"
        return Setup(
            trains=goal.trains,
            side=max(self.sides),
            batch=int(self.pinned("train.batch_size", batch)),
            accumulation=int(self.pinned("train.gradient_accumulation", 1)),
            rank=int(self.pinned("network.linear", rank)),
            checkpointing=bool(self.pinned("train.gradient_checkpointing", on_cpu)),
            eight_bit="8bit" in optimizer,
            average=bool(self.pinned("train.ema_config.use_ema", average)),
            text_encoder=text and fits("train.train_text_encoder", True),
            text_cached=bool(self.pinned("train.cache_text_embeddings", cached))
            and fits("train.cache_text_embeddings", True),
            quantized=bool(self.pinned("model.quantize", False)),
        )

    def _may_change(self, setting: str, setup: Setup) -> bool:
        """Whether advice may change a setting so: it is not pinned, and the engine knows it."""
        if any(path in self.answers.pins for path in _PATHS[setting]):
            return False
        if setting == "eight_bit" and self.hardware is not None and not self.hardware.eight_bit:
            return False
        needed = _NEEDED.get(setting)
        return needed is None or not getattr(setup, setting) or self.sheet.fits(*needed)

    @property
    def per_update(self) -> int:
        """Pictures in one update."""
        return self.fitted.setup.batch * self.fitted.setup.accumulation
