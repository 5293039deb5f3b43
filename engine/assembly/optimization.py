"""From gradients to the next weights: optimizer, parameter groups, rates, average, accumulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from engine.batch_size import BatchSize, memory_meter
from engine.networks import Trained
from engine.optim.ema import Ema
from engine.optim.optimizers import UNCLIPPED, build_optimizer
from engine.optim.schedule import LearningRates
from engine.optim.swapping import ParameterSwapping
from engine.recovery import Recovery, advice
from engine.step import Accumulation
from schema.sections.job import TrainerProcess
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
        "embedding": train.embedding_lr,
        "decorator": None,
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


def batch_sizes(train: Train, device: torch.device) -> BatchSize | None:
    """What chooses the size of every batch; None where it is always the same."""
    if not train.auto_scale_batch_size:
        return None
    return BatchSize(
        train.batch_size,
        smallest=train.min_batch_size,
        largest=train.max_batch_size,
        warmup=train.batch_size_warmup_steps,
        memory_in_use=memory_meter(device),
    )


def build_recovery(
    process: TrainerProcess, learning: Optimization, sizes: BatchSize | None
) -> Recovery:
    """What happens when memory runs out.

    A step cannot be tried again when it has changed weights already, or when gradients of earlier
    steps would be lost with its own.
    """
    alone = process.train.gradient_accumulation_steps == 1
    in_backward = getattr(learning.optimizer, "in_backward", False)
    return Recovery(sizes, advice(process), repeatable=alone and not in_backward)


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
