"""What is saved at a boundary: the weights for people, then the checkpoint for exact resume.

In this order, so that a checkpoint never claims a step whose weights file is missing. The weights
file holds the average where there is one; the checkpoint holds the raw weights and the average.
Pruning comes last and counts by step number.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from engine import checkpoint
from engine.errors import CheckpointError, DivergedError
from engine.networks import Trained
from engine.optim.ema import Ema
from engine.optim.exact import own_numbers, restore_numbers
from engine.report import Report
from schema import __version__
from schema.run.layout import RunFolder
from schema.sections.dtypes import torch_name
from schema.sections.job import JobFile
from schema.sections.save import Save

STATES_TO_KEEP = 2
"""The newest checkpoint and one to fall back to; their size is several times the model's."""


class Saver:
    """Saves one run's weights and state."""

    def __init__(
        self,
        folder: RunFolder,
        report: Report,
        trained: Trained,
        save: Save,
        *,
        ema: Ema | None,
        suffix: str,
        state: Callable[[int], dict[str, Any]],
        metadata: Callable[[int], dict[str, str]],
        beside: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`state` gives the parts of a checkpoint and `metadata` the header of a weights file, for
        a step; `suffix` is what weights files end in. `beside` are beginnings and endings of the
        other files that are written at steps.
        """
        self._folder, self._report, self._trained, self._ema = folder, report, trained, ema
        self._dtype: torch.dtype = getattr(torch, torch_name(save.dtype))
        self._keep = save.max_step_saves_to_keep or 0
        self._suffix, self._state, self._metadata = suffix, state, metadata
        own = [(folder.name + kind, suffix) for kind in ("", "_refiner")]
        self._kinds = [*own, *beside]

    def save(self, step: int, *, weights: bool = True) -> str:
        """Save after `step` completed steps; says where. `weights` False: the checkpoint alone.

        Raises CheckpointError when the disk refuses, DivergedError when there is nothing worth
        saving; earlier saves are untouched either way.
        """
        if not self._folder.exists():
            raise CheckpointError(
                f"The run's folder {self._folder.path} was removed or moved away during the run; "
                "nothing is saved there any more."
            )
        self._check_finite(step)
        files = (
            self._write_weights(step, self._folder.step_file(step, self._suffix)) if weights else []
        )
        target = self._folder.state_step(step)
        checkpoint.write(target, step, self._state(step))
        self._prune()
        names = [self._report.relative(path) for path in files]
        place = names[0] if names else self._report.relative(target)
        self._report.events.emit("checkpoint", step=step, path=place, files=names)
        self._report.say(f"saved step {step}: {place}")
        return place

    def finish(self, step: int) -> None:
        """Write the final weights, without a step in their name."""
        files = self._write_weights(step, self._folder.step_file(None, self._suffix))
        names = [self._report.relative(path) for path in files]
        self._report.events.emit("checkpoint", step=step, path=names[0], files=names, final=True)
        self._report.say(f"saved the final weights: {names[0]}")

    def averaged(self) -> AbstractContextManager[None]:
        """The average in place of the raw weights, where there is one."""
        return contextlib.nullcontext() if self._ema is None else self._ema.swapped_in()

    def _write_weights(self, step: int, path: Path) -> list[Path]:
        try:
            with self.averaged(), torch.no_grad():
                return self._trained.save(path, self._dtype, self._metadata(step))
        except Exception as error:
            reason = checkpoint.reason_of(error)
            raise CheckpointError(f"{path.name} could not be saved: {reason}.") from error

    def _check_finite(self, step: int) -> None:
        """One reading over all weights: a broken model must not push out the last good one."""
        norms = torch._foreach_norm(list(self._trained.state_dict().values()))
        if not bool(torch.isfinite(torch.stack(norms)).all()):
            raise DivergedError(
                f"The weights are not finite after step {step}, so they were not saved.",
                repair="Lower the learning rate.",
            )

    def _prune(self) -> None:
        checkpoint.prune(self._folder.state, STATES_TO_KEEP)
        if self._keep:
            for beginning, ending in self._kinds:
                for path in numbered(self._folder.path, beginning, ending)[: -self._keep]:
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)
                    else:
                        path.unlink(missing_ok=True)


def numbered(folder: Path, beginning: str, ending: str) -> list[Path]:
    """The weights saved at steps, oldest step first; exactly these names, nobody else's."""
    pattern = re.compile(re.escape(beginning) + r"_(\d{9,})" + re.escape(ending))
    found = [(int(m[1]), p) for p in folder.iterdir() if (m := pattern.fullmatch(p.name))]
    return [path for _, path in sorted(found)]


def sweep(folder: RunFolder, beside: Sequence[str] = ()) -> None:
    """Remove what a killed save left half-written; only the holder of the run's lock may call it.

    `beside` are beginnings of the names of further files. A folder of weights that had stepped
    aside for its replacement comes back if that never came.
    """
    checkpoint.sweep(folder.state)
    known = "|".join(re.escape(name) for name in (folder.name, *beside))
    half = re.compile(rf"\.({known})(_refiner)?(_\d{{9,}})?(\.\w+)*")
    for path in folder.path.iterdir():
        if not half.fullmatch(path.name):
            continue
        whole = path.with_name(path.name.removeprefix(".").removesuffix(".old"))
        if path.name.endswith(".old") and not whole.exists():
            path.rename(whole)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def file_metadata(job: JobFile, trigger: str | None, step: int, epoch: int) -> dict[str, str]:
    """What every weights file says about itself; values are text, JSON where they are not."""
    name = job.config.name
    meta: dict[str, Any] = {
        key: value.replace("[name]", name) if isinstance(value, str) else value
        for key, value in job.meta.items()
    }
    meta |= {
        "software": {"name": "finetui", "version": __version__},
        "training_info": {"step": step, "epoch": epoch},
        "ss_output_name": name,
    }
    if trigger:
        meta["ss_tag_frequency"] = {f"1_{trigger}": {trigger: 1}}
    return {key: v if isinstance(v, str) else json.dumps(v) for key, v in meta.items()}


def parts(
    trained: Trained,
    optimizer: torch.optim.Optimizer,
    ema: Ema | None,
    progress: dict[str, Any],
) -> dict[str, Any]:
    """Everything that the next step depends on, by name."""
    named = {name: p for group in trained.groups.values() for name, p in group.items()}
    found: dict[str, Any] = {
        "trained": trained.state_dict(),
        "optimizer": {
            "state": optimizer.state_dict()["state"],
            "numbers": own_numbers(optimizer),
        },
        "progress": progress,
    }
    if ema is not None:
        found["ema"] = ema.state_dict()
    # Left over in the middle of an accumulation that spans steps.
    gradients = {name: p.grad for name, p in named.items() if p.grad is not None}
    if gradients:
        found["gradients"] = gradients
    return found


def restore(
    saved: checkpoint.Checkpoint,
    trained: Trained,
    optimizer: torch.optim.Optimizer | None,
    ema: Ema | None,
) -> None:
    """Put everything back. Hyperparameters stay the config's; only the optimizer's memory returns.

    `optimizer` is None when the config now names another one, whose memory this is not. Raises
    CheckpointError when the weights are another model's.
    """
    named = {name: p for group in trained.groups.values() for name, p in group.items()}
    try:
        trained.load_state_dict(saved.load("trained"))
        if ema is not None:
            # Averaging that was switched on for the rest of the run starts from the weights.
            ema.load_state_dict(saved.load("ema" if saved.has("ema") else "trained"))
        if optimizer is not None:
            own = optimizer.state_dict()["param_groups"]
            memory = saved.load("optimizer")
            optimizer.load_state_dict({"state": memory["state"], "param_groups": own})
            restore_numbers(optimizer, memory["numbers"])
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"{saved.path.name} belongs to another model: {error}.") from error
    if saved.has("gradients"):
        for name, gradient in saved.load("gradients").items():
            named[name].grad = gradient.to(named[name].device)
