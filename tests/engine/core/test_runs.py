"""Whole runs on the tiny model: what each option changes and what a resume keeps."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from schema.run.files import read_json
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader
from schema.run.status import read_status
from tests.engine.core.conftest import NewRun
from tests.engine.core.runs import equal, finished, kinds, rows, run_here, state_of, weights_file


def _losses(folder: RunFolder) -> list[float]:
    return [row["loss"] for row in rows(folder).values()]


# -- what learns


@pytest.mark.proves("train.lr", "train.unet_lr", "train.text_encoder_lr")
def test_each_group_has_its_own_rate_and_a_rate_of_zero_moves_nothing(new_run: NewRun) -> None:
    folder = finished(
        new_run,
        train__steps=2,
        train__lr=1e-3,
        train__unet_lr=3e-4,
        train__text_encoder_lr=0.0,
        train__train_text_encoder=True,
        save__save_every=1,
    )
    assert {row["lr/unet"] for row in rows(folder).values()} == {3e-4}
    assert {row["lr/text_encoder"] for row in rows(folder).values()} == {0.0}
    one, two = state_of(folder, 1), state_of(folder, 2)
    moved = {name.split(".")[0] for name in one if not torch.equal(one[name], two[name])}
    assert moved == {"unet"}
    plain = finished(new_run, "plain", train__steps=1, train__lr=1e-3)
    assert rows(plain)[1]["lr/unet"] == 1e-3


@pytest.mark.proves("train.lr_scheduler", "train.lr_scheduler_params")
def test_the_schedule_is_recorded_as_it_is_used(new_run: NewRun) -> None:
    folder = finished(
        new_run,
        train__steps=4,
        train__lr_scheduler="linear",
        train__lr_scheduler_params={"start_factor": 1.0, "end_factor": 0.0},
    )
    assert [row["lr/unet"] for row in rows(folder).values()] == pytest.approx(
        [1e-3, 7.5e-4, 5e-4, 2.5e-4]
    )


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adamw": {},
    "adam": {"amsgrad": True},
    "adafactor": {"beta1": 0.9},
    "adamw8bit": {},
    "adam8bit": {},
}


@pytest.mark.filterwarnings("ignore")  # bitsandbytes warns about what it does not find
@pytest.mark.proves("train.optimizer")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("network", [{"linear": 4}, None], ids=["lora", "full"])
def test_every_optimizer_goes_on_bit_for_bit(
    new_run: NewRun, optimizer: str, network: dict[str, Any] | None
) -> None:
    options: dict[str, Any] = {
        "network": network,
        "train__lr": 1e-3 if network else 1e-5,
        "train__optimizer": optimizer,
        "train__optimizer_params": OPTIMIZERS[optimizer],
    }
    straight = finished(new_run, "straight", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    assert rows(parts) == rows(straight)
    assert equal(state_of(parts, 4), state_of(straight, 4))
    assert equal(state_of(parts, 4, "optimizer"), state_of(straight, 4, "optimizer"))
    assert len(set(_losses(straight))) == 4


@pytest.mark.proves("train.gradient_accumulation_steps")
def test_legacy_accumulation_updates_every_nth_step_and_resumes_in_between(
    new_run: NewRun,
) -> None:
    options = {"train__gradient_accumulation_steps": 2, "save__save_every": 1}
    keep = {"save__max_step_saves_to_keep": 0}
    straight = finished(new_run, "straight", train__steps=4, **options, **keep)
    updated = [step for step, row in rows(straight).items() if "grad_norm" in row]
    assert updated == [2, 4]
    assert equal(weights_file(straight, 2), weights_file(straight, 3))
    assert not equal(weights_file(straight, 3), weights_file(straight, 4))
    # Stopped in the middle of a window: the half-gathered gradient is part of the checkpoint.
    folder = new_run("parts", train__steps=4, **options, **keep)
    assert _stopped_after(folder, 3) == 0
    assert (folder.state_step(3) / "gradients.safetensors").exists()
    assert run_here(folder) == 0
    assert rows(folder) == rows(straight)
    assert equal(state_of(folder, 4), state_of(straight, 4))


def _stopped_after(folder: RunFolder, step: int) -> int:
    """Run until a stop order that takes effect at the boundary after `step`."""
    from engine import loop

    class Stopping(loop.Loop):
        def _boundary(self, done: int) -> None:
            if done == step:
                self._orders.stop("stopped by the test")
            super()._boundary(done)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.jobs.train.Loop", Stopping)
        return run_here(folder)


def test_accumulating_over_an_epoch_updates_at_its_end(new_run: NewRun) -> None:
    folder = finished(new_run, train__steps=8, train__gradient_accumulation_steps=-1)
    updated = [step for step, row in rows(folder).items() if "grad_norm" in row]
    assert updated == [4, 8]  # eight pictures, two at a time


@pytest.mark.proves("train.max_grad_norm")
def test_clipping_bounds_the_update_but_not_the_recorded_norm(new_run: NewRun) -> None:
    free = finished(new_run, "free", train__steps=2, train__max_grad_norm=None)
    tight = finished(new_run, "tight", train__steps=2, train__max_grad_norm=1e-6)
    assert rows(free)[1] == rows(tight)[1]
    assert rows(tight)[1]["grad_norm"] > 1e-3
    assert not equal(weights_file(free), weights_file(tight))


@pytest.mark.proves("train.ema_config", "train.ema_config.use_ema", "train.ema_config.ema_decay")
def test_files_hold_the_average_and_checkpoints_both(new_run: NewRun) -> None:
    plain = finished(new_run, "plain", train__steps=3, save__save_every=1)
    averaged = finished(
        new_run,
        "averaged",
        train__steps=3,
        save__save_every=1,
        train__ema_config={"use_ema": True, "ema_decay": 0.5},
    )
    assert _losses(plain) == _losses(averaged)
    assert equal(state_of(plain, 3), state_of(averaged, 3))
    a, w = state_of(averaged, 2, "ema"), state_of(averaged, 3)
    expected = {name: 0.5 * a[name] + 0.5 * w[name] for name in w}
    found = state_of(averaged, 3, "ema")
    for name in w:
        assert torch.allclose(found[name], expected[name], atol=1e-7)
    assert not equal(weights_file(averaged), weights_file(plain))
    assert not (plain.state_step(3) / "ema.safetensors").exists()


def test_ema_without_delay_is_the_weights_themselves(new_run: NewRun) -> None:
    plain = finished(new_run, "plain", train__steps=2)
    ema = {"use_ema": True, "ema_decay": 0.0}
    assert equal(
        weights_file(plain),
        weights_file(finished(new_run, "ema", train__steps=2, train__ema_config=ema)),
    )


# -- numbers


@pytest.mark.proves("train.dtype")
@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
@pytest.mark.parametrize("network", [{"linear": 4}, None], ids=["lora", "full"])
def test_half_precision_learns_nearly_the_same_and_goes_on_bit_for_bit(
    new_run: NewRun, dtype: str, network: dict[str, Any] | None
) -> None:
    options: dict[str, Any] = {"network": network, "train__lr": 1e-4}
    exact = finished(new_run, "exact", train__steps=3, **options)
    options["train__dtype"] = dtype
    half = finished(new_run, "half", train__steps=3, **options)
    assert _losses(half) != _losses(exact)
    assert _losses(half) == pytest.approx(_losses(exact), rel=0.05)
    assert {t.dtype for t in state_of(half, 3).values()} == {torch.float32}
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=3, **options)
    assert rows(parts) == rows(half)
    assert equal(state_of(parts, 3), state_of(half, 3))


@pytest.mark.proves("train.gradient_checkpointing")
@pytest.mark.parametrize("network", [{"linear": 4}, None], ids=["lora", "full"])
def test_gradient_checkpointing_recomputes_blocks_and_changes_no_gradient(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, network: dict[str, Any] | None
) -> None:
    from diffusers.models.resnet import ResnetBlock2D

    real, calls = ResnetBlock2D.forward, [0]

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        calls[0] += 1
        return real(self, *args, **options)

    monkeypatch.setattr(ResnetBlock2D, "forward", counted)
    # Latents from the VAE would count too; they are cached by the first run.
    found = []
    for flag in (False, True):
        calls[0] = 0
        folder = finished(
            new_run,
            f"checkpointing-{flag}",
            train__steps=1,
            train__train_text_encoder=True,
            train__gradient_checkpointing=flag,
            network=network,
        )
        found.append((calls[0], _losses(folder), rows(folder)[1]["grad_norm"]))
    assert found[1][0] > found[0][0]
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-6)
    assert found[1][2] == pytest.approx(found[0][2], rel=1e-5)


@pytest.mark.proves("train.min_denoising_steps", "train.max_denoising_steps")
def test_the_noise_levels_stay_within_their_bounds(new_run: NewRun) -> None:
    folder = finished(
        new_run, train__steps=6, train__min_denoising_steps=900, train__max_denoising_steps=999
    )
    drawn = [timestep for _, timestep, _ in MetricsReader(folder.metrics).items()]
    assert len(drawn) == 12
    assert max(drawn) < 100


@pytest.mark.proves("training_seed")
def test_a_seed_makes_runs_repeatable_and_no_seed_is_drawn_once(new_run: NewRun) -> None:
    first, again = (finished(new_run, name, training_seed=5) for name in ("first", "again"))
    other = finished(new_run, "other", training_seed=6)
    assert rows(first) == rows(again)
    assert _losses(other) != _losses(first)
    drawn = finished(new_run, "drawn", training_seed=None, train__steps=2)
    seed = read_json(drawn.state / "seed.json")
    finished(new_run, "drawn", training_seed=None, train__steps=4)
    assert seed is not None
    same = finished(new_run, "same", training_seed=seed["seed"], train__steps=4)
    assert rows(drawn) == rows(same)


@pytest.mark.proves("train.batch_size")
def test_a_step_sees_batch_size_items(new_run: NewRun) -> None:
    folder = finished(new_run, train__steps=2, train__batch_size=3)
    assert len(list(MetricsReader(folder.metrics).items())) in (5, 6)


# -- previews and the log


@pytest.mark.proves(
    "sample.sample_every",
    "train.disable_sampling",
    "train.skip_first_sample",
    "train.force_first_sample",
)
def test_previews_come_at_the_start_on_multiples_and_at_the_end(new_run: NewRun) -> None:
    def steps(name: str, **changes: Any) -> list[int]:
        folder = new_run(name, sample__sample_every=2, **changes)
        seen = len(kinds(folder, "sample"))
        assert run_here(folder) == 0
        return [event["step"] for event in kinds(folder, "sample")[seen:]]

    on = {"train__disable_sampling": False}
    assert steps("on", train__steps=5, **on) == [0, 2, 4, 5]
    assert steps("off", train__steps=3, train__force_first_sample=True) == []
    assert steps("skip", train__steps=3, **on, train__skip_first_sample=True) == [2, 3]
    assert steps("on", train__steps=6, **on) == [6]
    assert steps("on", train__steps=7, **on, train__force_first_sample=True) == [6, 7]


@pytest.mark.proves("logging.log_every")
def test_the_log_gets_a_line_every_n_steps(
    new_run: NewRun, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(every: int | None) -> list[str]:
        finished(new_run, f"every-{every}", logging__log_every=every)
        out = capsys.readouterr().out.splitlines()
        return [line.split()[1] for line in out if line.startswith("step ")]

    assert lines(4) == ["4/6"]
    assert lines(None) == ["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]
    assert lines(0) == []


def test_every_part_of_contract_6_is_recorded(new_run: NewRun) -> None:
    folder = finished(new_run, train__steps=2)
    row = next(iter(MetricsReader(folder.metrics).rows()))
    wanted = {"step", "time", "loss", "lr/unet", "grad_norm", "step_seconds", "data_seconds"}
    assert wanted <= row.keys()
    assert 0 < row["data_seconds"] < row["step_seconds"]


def test_a_finished_run_that_is_started_again_is_finished_at_once(new_run: NewRun) -> None:
    folder = finished(new_run, train__steps=2)
    before = weights_file(folder)
    assert run_here(folder) == 0
    assert equal(weights_file(folder), before)
    assert read_status(folder)["state"] == "finished"
    assert list(rows(folder)) == [1, 2]
