"""From gradients to the next weights: optimizer, parameter groups, rates, average, accumulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from engine.networks import Trained
from engine.optim.ema import Ema
from engine.optim.optimizers import UNCLIPPED, build_optimizer
from engine.optim.schedule import LearningRates
from engine.optim.swapping import ParameterSwapping
from engine.step import Accumulation
from schema.sections.train import Train


@dataclass(frozen=True)
class Optimization:
    """What turns gradients into weights; the same objects for the whole run."""

    optimizer: torch.optim.Optimizer
    ema: Ema | None
    max_norm: float | None
    """None where the optimizer bounds its own updates or nothing is clipped."""


def build_optimization(trained: Trained, train: Train) -> Optimization:
    """A parameter group per part of the model, each with its own learning rate."""
    rates = {
        "unet": train.unet_lr,
        "refiner": train.refiner_lr,
        "text_encoder": train.text_encoder_lr,
    }
    base = train.lr
    groups = [
        {
            "name": name,
            "params": list(group.values()),
            "lr": base if rates[name] is None else rates[name],
        }
        for name, group in trained.groups.items()
    ]
    params = train.optimizer_params.model_dump(exclude_none=True)
    named = {name: p for group in trained.groups.values() for name, p in group.items()}
    return Optimization(
        build_optimizer(train.optimizer, params, groups),
        _average(named, train) if train.ema_config.use_ema else None,
        None if train.optimizer in UNCLIPPED else train.max_grad_norm or None,
    )


def _average(named: Mapping[str, nn.Parameter], train: Train) -> Ema:
    config = train.ema_config
    return Ema(
        named,
        config.ema_decay,
        feedback=config.use_feedback,
        multiplier=config.param_multiplier,
    )


def before_step(trained: Trained, train: Train, seed: int) -> list[Callable[[int], None]]:
    """What changes at the beginning of every step."""
    if not train.do_paramiter_swapping:
        return []
    parameters = [p for group in trained.groups.values() for p in group.values()]
    return [ParameterSwapping(parameters, train.paramiter_swapping_factor, seed)]


def learning_rates(optimizer: torch.optim.Optimizer, train: Train) -> LearningRates:
    """The schedule over the optimizer's groups."""
    params = train.lr_scheduler_params.model_dump(exclude_none=True)
    return LearningRates(optimizer, train.lr_scheduler, params, train.steps)


def accumulation(train: Train, steps_per_epoch: int) -> Accumulation:
    """How many micro-batches make an update; -1 steps are those of an epoch."""
    per_update = train.gradient_accumulation_steps
    return Accumulation(
        train.gradient_accumulation,
        steps_per_epoch if per_update == -1 else per_update,
        train.steps,
    )
