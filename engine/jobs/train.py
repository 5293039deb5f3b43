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

from engine import checkpoint, preflight
from engine.accelerator import Accelerator, pick_device, set_up_torch
from engine.assembly.keeping import Kept, build_saver
from engine.assembly.learned import numbered_files
from engine.assembly.memory import take_up
from engine.assembly.model import load_trained, open_data, training_modules
from engine.assembly.objective import build_objective
from engine.assembly.optimization import (
    Optimization,
    accumulation,
    batch_sizes,
    before_step,
    build_optimization,
    build_recovery,
    learning_rates,
)
from engine.assembly.previews import Previews
from engine.assembly.turbo import TurboPictures
from engine.assembly.validating import build_validation
from engine.assembly.watching import build_trackers, talk, values_in_words, watched
from engine.compiling import compile_denoisers, wished
from engine.data.device_queue import bring_ahead
from engine.data.loader import DataSource
from engine.errors import ConfigError
from engine.families.base import Family
from engine.hub import publication
from engine.jobs import Session
from engine.loop import Loop, Plan
from engine.losses.terms import over_the_cap
from engine.networks import Trained
from engine.networks.dropout import has_dropout
from engine.reading import Reading, refuse_ignored
from engine.report import Recorder, Remark
from engine.resume import judge
from engine.saving import Saver, restore, sweep
from engine.seed import seed_of
from engine.step import TrainingStep
from schema.run.metrics import MetricsWriter
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
        publish = publication(job.process, session.folder, session.report)
    switched_off = {"sample", "first_sample"} if job.process.train.disable_sampling else set()
    refuse_ignored(reading, session.told | switched_off)
    finished = job.repeat(loop)
    if finished and publish is not None:
        publish()
    return finished


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
        sweep(self.folder, [start for start, _ in numbered_files(process, self.folder.name)])
        self.saved = checkpoint.newest_valid(self.folder.state, self.report.warning)
        self.progress: dict[str, Any] = self.saved.load("progress") if self.saved else {}
        self._judge_changes()
        self.device = pick_device(self.process.device)
        self.threads = set_up_torch(self.device, Path(self.process.model.name_or_path))
        self.dtype: torch.dtype = getattr(torch, torch_name(self.train.dtype))
        self.seed = seed_of(self.process, self.folder, self.progress)
        self.sizes = batch_sizes(self.train, self.device)

    @property
    def done(self) -> int:
        """Steps completed before this session, or counted as such."""
        begun = self.train.start_step or 0
        return begun if self.saved is None else self.saved.step

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
            self._resume(source, trained, learning, accelerator)
        if (wish := wished(self.process.model)) is not None:
            compile_denoisers(family, wish, self.device, self.report.warning)
        step = self._step(family, source, trained, learning, accelerator)
        take_up(step.objective, self.saved, self.folder.path)
        step.begin(self.done)
        saver = self._saver(Kept(trained, learning, accelerator, source, step.objective))
        self._source = source
        self._metrics = MetricsWriter(self.folder.metrics, self.done, report=self.report.warning)
        self._trackers = build_trackers(self.session, self.process, self.done)
        talk(self.process, source, self.report)
        recorder = Recorder(
            self._metrics,
            self.report,
            self.device,
            steps=self.train.steps,
            log_every=self.process.logging.log_every,
            overflows_are_normal=accelerator.overflows_are_normal,
            describe=lambda items: _names(source, items) + _broken(trained),
            remarks=self._remarks(),
            trackers=self._trackers,
        )
        previews = Previews(
            trained, self.folder, self.report, saver.averaged, self.beneath, self._trackers
        )
        drawn = accelerator.is_main
        return Loop(
            self._plan(),
            watched(step, self.process, (family, source, accelerator), self.report, self.device),
            recorder=recorder,
            report=self.report,
            keeper=saver,
            preview=previews.drawing(preview) if drawn else None,
            opening=previews.drawing(self._opening) if drawn and self.done <= 1 else None,
            validate=build_validation(
                self.process, family, accelerator, trained, self._held_out, self.seed
            ),
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
            if self._trackers is not None:
                self._trackers.close()

    # -- what came before

    def _judge_changes(self) -> None:
        """Refuse or announce what the config changed since the checkpoint."""
        if self.saved is None:
            return
        for sentence in judge(self.progress["job"], self.session.job):
            self.report.warning(sentence)
        begun = self.train.start_step or 0
        if begun > self.saved.step:
            raise ConfigError(
                "train.start_step",
                f"the run is at step {self.saved.step} already, and its checkpoint counts.",
                repair="Start another run from its weights (network.pretrained_lora_path).",
            )

    def _resume(
        self,
        source: DataSource,
        trained: Trained,
        learning: Optimization,
        accelerator: Accelerator,
    ) -> None:
        assert self.saved is not None
        same = self.progress["optimizer"] == self.train.optimizer
        restore(self.saved, trained, learning.optimizer if same else None, learning.ema)
        accelerator.load_state_dict(self.progress["accelerator"])
        source.load_state_dict(self.progress["batches"])
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
        """The family with its data prepared and its preview prompts encoded."""
        opened = open_data(
            self.process, self.report, self.device, self.dtype, self.seed, self.sizes
        )
        self.beneath, self._opening = opened.beneath, opened.opening
        self._held_out = opened.held_out
        prefetched = max(dataset.gpu_prefetch_batches for dataset in self.process.datasets)
        bring_ahead(opened.source, self.device, prefetched, self.train.gradient_accumulation)
        return opened.family, opened.source, opened.preview

    def _load(self, family: Family, source: DataSource) -> Trained:
        """The weights, and what is trained of them or beside them."""
        fresh = self.saved is None
        return load_trained(self.process, self.report, family, source, self.seed, fresh=fresh)

    def _accelerator(self) -> Accelerator:
        half = self.dtype != torch.float32
        return Accelerator(
            self.device,
            self.dtype,
            # A LoRA computes in float32 beside a base in `dtype`; a whole model in mixed precision.
            autocast=half and self.process.fine_tunes,
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
        draws = trained.uses_dropout or any(map(has_dropout, training_modules(family, self.train)))
        return TrainingStep(
            source,
            build_objective(
                self.process, family, accelerator, trained, self.seed, show, source.prompts
            ),
            accelerator,
            optimizer=learning.optimizer,
            groups=[list(group.values()) for group in trained.groups.values()],
            learning_rates=learning_rates(learning.optimizer, self.train),
            accumulation=accumulation(self.train, _steps_per_epoch(source, self.train)),
            max_norm=learning.max_norm,
            ema=learning.ema,
            dropout_seed=self.seed if draws else None,
            before=before_step(trained, self.train, self.seed),
            single=self.train.single_item_batching,
            recovery=build_recovery(self.process, learning, self.sizes),
        )

    # -- what is kept and shown

    def _saver(self, kept: Kept) -> Saver:
        facts = {"seed": self.seed, "threads": self.threads}
        epoch = _steps_per_epoch(kept.source, self.train)
        return build_saver(self.session, self.process, kept, facts, epoch)

    def _remarks(self) -> list[Remark]:
        remarks: list[Remark] = [over_the_cap] if self.train.max_loss_debug else []
        return [*remarks, values_in_words] if self.process.logging.verbose else remarks

    def _plan(self) -> Plan:
        train, previews = self.train, not self.train.disable_sampling
        fresh = not train.skip_first_sample and self.done <= 1
        return Plan(
            steps=train.steps,
            save_every=self.process.save.save_every or 0,
            sample_every=(self.process.sample.sample_every or 0) if previews else 0,
            sample_from=self.process.sample.sample_start_step,
            first_sample=previews and (fresh or train.force_first_sample),
            last_sample=previews,
        )


def _steps_per_epoch(source: DataSource, train: Train) -> int:
    return max(1, -(-source.batches_per_epoch // train.gradient_accumulation))


def _broken(trained: Trained) -> str:
    """The first weight that is not finite by now, if there is one."""
    for name, tensor in trained.state_dict().items():
        if not bool(torch.isfinite(tensor).all()):
            return f"; the first broken weight is {name}"
    return ""


def _names(source: DataSource, items: list[int]) -> str:
    """The pictures of a step, for the message about a broken loss."""
    names = sorted({source.items[item].picture.path.name for item in items})
    return f" (with {', '.join(names[:8])})"
