"""`sd_trainer`: fine-tune a model, as a LoRA or whole.

The phases in their order: preflight, captions and pictures (cached where asked for), the model, the
network, the optimizer, what a checkpoint says, then the loop. Every part is built here once, from
its options; nothing later looks at the config.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from engine import checkpoint, preflight
from engine.accelerator import Accelerator, pick_device, set_up_torch
from engine.assembly.loss import decodes
from engine.assembly.memory import memory_of, take_up
from engine.assembly.objective import build_objective
from engine.assembly.optimization import (
    Optimization,
    accumulation,
    before_step,
    build_optimization,
    learning_rates,
)
from engine.assembly.previews import previewing
from engine.assembly.turbo import TurboPictures
from engine.data.loader import DataSource
from engine.families import family_for
from engine.families.base import Family
from engine.jobs import Session
from engine.loop import Loop, Plan
from engine.losses.terms import over_the_cap
from engine.networks import Trained, build
from engine.networks.beneath import Beneath, open_beneath
from engine.networks.dropout import has_dropout
from engine.reading import Reading, refuse_ignored
from engine.report import Recorder
from engine.resume import judge
from engine.saving import Saver, file_metadata, parts, restore, sweep
from engine.seed import seed_of
from engine.step import Objective, TrainingStep
from schema.run.metrics import MetricsWriter
from schema.run.status import State
from schema.sections.dtypes import torch_name
from schema.sections.job import TrainerProcess
from schema.sections.train import Train

if TYPE_CHECKING:
    from engine.preview import Preview


def run(session: Session) -> bool:
    """Train to the configured number of steps; False when stopped before."""
    reading = Reading(session.process)
    with reading.noted():
        job = TrainingJob(session)
        loop = job.assemble()
    switched_off = {"sample"} if job.process.train.disable_sampling else set()
    refuse_ignored(reading, session.told | switched_off)
    return job.repeat(loop)


class TrainingJob:
    """Builds everything a training run consists of, phase by phase."""

    def __init__(self, session: Session) -> None:
        process = session.process
        assert isinstance(process, TrainerProcess), "the table of jobs sees to it"
        self.session, self.process, self.report = session, process, session.report
        self.folder = session.folder
        # It tells everyone about a kernel that nobody asked for.
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        self.train: Train = process.train
        sweep(self.folder)
        self.saved = checkpoint.newest_valid(self.folder.state, self.report.warning)
        self.progress: dict[str, Any] = self.saved.load("progress") if self.saved else {}
        self._judge_changes()
        self.device = pick_device(self.process.device)
        self.threads = set_up_torch(self.device, Path(self.process.model.name_or_path))
        self.dtype: torch.dtype = getattr(torch, torch_name(self.train.dtype))
        self.seed = seed_of(self.process, self.folder, self.progress)

    @property
    def done(self) -> int:
        """Steps completed before this session."""
        return self.saved.step if self.saved else 0

    def assemble(self) -> Loop:
        """All phases up to the first step; nothing later looks at the config."""
        self.report.status.update(
            device=str(self.device), steps=self.train.steps, step=self.done, loss=None, lr=None
        )
        preflight.check(self.process, self.folder, self.device)
        family, source, preview = self._prepare_data()
        trained = self._load(family, source)
        accelerator = self._accelerator()
        for denoiser in family.denoisers:
            denoiser.module = accelerator.wrap(denoiser.module)
        learning = build_optimization(trained, self.train)
        if self.saved is not None:
            self._resume(trained, learning, accelerator)
        step = self._step(family, source, trained, learning, accelerator)
        take_up(step.objective, self.saved, self.folder.path)
        step.begin(self.done)
        saver = self._saver(trained, learning, accelerator, source, step.objective)
        self._source = source
        self._metrics = MetricsWriter(self.folder.metrics, self.done, report=self.report.warning)
        recorder = Recorder(
            self._metrics,
            self.report,
            self.device,
            steps=self.train.steps,
            log_every=self.process.logging.log_every,
            overflows_are_normal=accelerator.overflows_are_normal,
            describe=lambda items: _names(source, items),
            remark=over_the_cap if self.train.max_loss_debug else None,
        )
        draw = None
        if preview is not None and accelerator.is_main:
            draw = previewing(
                preview, trained, self.folder, self.report, saver.averaged, self.beneath
            )
        return Loop(
            self._plan(),
            step,
            recorder=recorder,
            report=self.report,
            keeper=saver,
            preview=draw,
            saved_at=self.saved.step if self.saved else None,
        )

    def repeat(self, loop: Loop) -> bool:
        """The steps; False when stopped before the last."""
        self.report.orders.check()
        self.report.orders.boundaries(near=True)
        try:
            return loop.run(self.done)
        finally:
            self._source.close()
            self._metrics.close()

    # -- what came before

    def _judge_changes(self) -> None:
        """Refuse or announce what the config changed since the checkpoint."""
        if self.saved is None:
            return
        for sentence in judge(self.progress["job"], self.session.job):
            self.report.warning(sentence)

    def _resume(self, trained: Trained, learning: Optimization, accelerator: Accelerator) -> None:
        assert self.saved is not None
        same = self.progress["optimizer"] == self.train.optimizer
        restore(self.saved, trained, learning.optimizer if same else None, learning.ema)
        accelerator.load_state_dict(self.progress["accelerator"])
        if self.progress["threads"] != self.threads:
            self.report.warning(
                f"The run was trained with {self.progress['threads']} threads and goes on with "
                f"{self.threads}: the last bits of its numbers may differ."
            )
        if self.progress["torch"] != torch.__version__:
            self.report.warning(
                f"The checkpoint was made with torch {self.progress['torch']}, this is "
                f"{torch.__version__}: the last bits of its numbers may differ."
            )
        self.report.events.emit(
            "resumed", step=self.done, path=self.report.relative(self.saved.path)
        )
        self.report.say(f"going on from step {self.done}")

    # -- data and model

    def _prepare_data(self) -> tuple[Family, DataSource, Preview | None]:
        """Open the model, cache what is to be cached, encode the preview prompts."""
        process = self.process
        family = family_for(process.model.arch).open(
            process.model, self.train, self.device, self.dtype
        )
        self.beneath: Beneath | None = open_beneath(family, process.model)
        source = DataSource(process, family, self.seed)
        self.report.state(State.CACHING)
        source.prepare(self.report.progress, self.report.warning)
        preview = None
        if not self.train.disable_sampling and process.sample.items:
            from engine.preview import Preview

            preview = Preview(family, process.sample, process.trigger_word)
            preview.prepare()
        if source.caches_text:
            family.free_text_encoders()
        if source.caches_latents and preview is None:
            family.free_vae()
        self.report.state(State.PREPARING, "loading the model")
        self.report.check()
        return family, source, preview

    def _load(self, family: Family, source: DataSource) -> Trained:
        """The denoisers, in float32 where they are trained whole, and what is trained."""
        full = self.process.network is None
        exact = torch.float32 if full else None
        if self.train.train_refiner and full:
            family.train_refiner(with_base=self.train.train_unet)
        family.load_denoisers(exact if self.train.train_unet else None)
        if self.train.train_text_encoder:
            # Previews may have loaded it in another precision.
            family.free_text_encoders()
            family.load_text_encoders(exact)
        elif not source.caches_text:
            family.load_text_encoders()
        if not source.caches_latents or decodes(self.train):
            family.load_vae()
        self.report.check()
        save = self.process.save
        trained = build(family, self.process.network, self.train, save.save_format, self.seed)
        for module in self._training_modules(family):
            module.train()
            if self.train.gradient_checkpointing:
                _checkpoint_gradients(module)
        return trained

    def _training_modules(self, family: Family) -> list[nn.Module]:
        """The modules that run in training mode: gradients flow through them."""
        modules = [denoiser.module for denoiser in family.denoisers]
        return modules + (
            list(family.trainable_text_encoders.values()) if self.train.train_text_encoder else []
        )

    def _accelerator(self) -> Accelerator:
        half = self.dtype != torch.float32
        return Accelerator(
            self.device,
            self.dtype,
            # A LoRA computes in float32 beside a base in `dtype`; a whole model in mixed precision.
            autocast=half and self.process.network is None,
            scale=self.dtype == torch.float16,
        )

    def _step(
        self,
        family: Family,
        source: DataSource,
        trained: Trained,
        learning: Optimization,
        accelerator: Accelerator,
    ) -> TrainingStep:
        show = TurboPictures(self.folder.samples) if self.train.show_turbo_outputs else None
        draws = trained.uses_dropout or any(map(has_dropout, self._training_modules(family)))
        return TrainingStep(
            source,
            build_objective(self.process, family, accelerator, trained, self.seed, show),
            accelerator,
            optimizer=learning.optimizer,
            groups=[list(group.values()) for group in trained.groups.values()],
            learning_rates=learning_rates(learning.optimizer, self.train),
            accumulation=accumulation(self.train, _steps_per_epoch(source, self.train)),
            max_norm=learning.max_norm,
            ema=learning.ema,
            dropout_seed=self.seed if draws else None,
            before=before_step(trained, self.train, self.seed),
        )

    # -- what is kept and shown

    def _saver(
        self,
        trained: Trained,
        learning: Optimization,
        accelerator: Accelerator,
        source: DataSource,
        objective: Objective,
    ) -> Saver:
        def state(step: int) -> dict[str, Any]:
            progress = {
                "step": step,
                "seed": self.seed,
                "threads": self.threads,
                "optimizer": self.train.optimizer,
                "accelerator": accelerator.state_dict(),
                "job": self.session.job.model_dump(mode="json"),
                "torch": torch.__version__,
            }
            found = parts(trained, learning.optimizer, learning.ema, progress)
            return found | memory_of(objective, self.folder.path)

        full = self.process.network is None
        suffix = {"diffusers": "", "ckpt": ".ckpt"}.get(
            self.process.save.save_format, ".safetensors"
        )
        return Saver(
            self.folder,
            self.report,
            trained,
            self.process.save,
            ema=learning.ema,
            suffix=suffix if full else ".safetensors",
            state=state,
            metadata=lambda step: file_metadata(
                self.session.job,
                self.process.trigger_word,
                step,
                step // _steps_per_epoch(source, self.train),
            ),
        )

    def _plan(self) -> Plan:
        train, previews = self.train, not self.train.disable_sampling
        fresh = not train.skip_first_sample and self.done == 0
        return Plan(
            steps=train.steps,
            save_every=self.process.save.save_every or 0,
            sample_every=(self.process.sample.sample_every or 0) if previews else 0,
            first_sample=previews and (fresh or train.force_first_sample),
            last_sample=previews,
        )


def _steps_per_epoch(source: DataSource, train: Train) -> int:
    return max(1, -(-source.batches_per_epoch // train.gradient_accumulation))


def _names(source: DataSource, items: list[int]) -> str:
    """The pictures of a step, for the message about a broken loss."""
    names = sorted({source.items[item].picture.path.name for item in items})
    return f" (with {', '.join(names[:8])})"


def _checkpoint_gradients(module: Any) -> None:
    """diffusers' name for it, or transformers'."""
    enable = getattr(module, "enable_gradient_checkpointing", None)
    (enable or module.gradient_checkpointing_enable)()
