"""The training step: what it computes, in which order, and that it never waits for the device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from engine.accelerator import Accelerator
from engine.changes.places import Places
from engine.data.batch import Batch
from engine.denoising import Denoising
from engine.example import Kit
from engine.families import family_for
from engine.families.base import Conditioning, Denoiser, Family
from engine.losses import ELEMENT_LOSSES, compared, element_loss, per_item
from engine.losses.snr import MinSnr
from engine.networks import Trained, build
from engine.noise import NoiseTable
from engine.optim.ema import Ema
from engine.optim.optimizers import build_optimizer
from engine.optim.schedule import LearningRates
from engine.step import Accumulation, TrainingStep
from engine.timesteps import Timesteps
from engine.training_noise import TrainingNoise
from schema.sections.model import Model
from schema.sections.network import Network
from schema.sections.train import Train

CPU = torch.device("cpu")


@pytest.fixture
def family(tiny_sd1: Path) -> Family:
    model = Model(name_or_path=str(tiny_sd1), arch="sd1")
    family = family_for("sd1").open(model, Train(), CPU, torch.float32)
    family.load_denoisers()
    return family


def _batch(rows: int = 4, **changes: Any) -> Batch:
    generator = torch.Generator().manual_seed(11)
    batch = Batch(
        captions=["a"] * rows,
        items=list(range(rows)),
        slots=list(range(rows)),
        size=(64, 64),
        latents=torch.randn(rows, 4, 8, 8, generator=generator),
        conditioning=Conditioning({"text": torch.randn(rows, 77, 32, generator=generator)}),
    )
    return replace(batch, **changes)


class Cut:
    """One batch, handed out in pieces of equal size."""

    def __init__(self, batch: Batch, pieces: int = 1) -> None:
        self.batches = []
        size = len(batch) // pieces
        assert batch.latents is not None
        assert batch.conditioning is not None
        for start in range(0, len(batch), size):
            rows = slice(start, start + size)
            self.batches.append(
                replace(
                    batch,
                    captions=batch.captions[rows],
                    items=batch.items[rows],
                    slots=batch.slots[rows],
                    latents=batch.latents[rows],
                    conditioning=batch.conditioning[rows],
                )
            )

    def batch(self, step: int, micro: int) -> Batch:
        return self.batches[micro]


def _objective(family: Family, **changes: Any) -> Denoising:
    settings: dict[str, Any] = {
        "timesteps": Timesteps(3, 1000, 0, 999),
        "noise": TrainingNoise(3),
        "loss": compared(element_loss("mse")),
    }
    accelerator = Accelerator(CPU, torch.float32, autocast=False, scale=False)
    return Denoising(Kit(family, accelerator, family.noise_table(), 3), **(settings | changes))


def _step(
    family: Family, source: Cut, network: Trained | None = None, pieces: int = 1, **changes: Any
) -> TrainingStep:
    network = network or build(family, Network(), Train(), "safetensors", 0)
    family.denoisers[0].module.train()
    params = list(network.groups["unet"].values())
    optimizer = build_optimizer("adamw", {}, [{"name": "unet", "params": params, "lr": 1e-3}])
    settings: dict[str, Any] = {
        "optimizer": optimizer,
        "groups": [params],
        "learning_rates": LearningRates(optimizer, "constant", {}, 100),
        "accumulation": Accumulation(pieces),
        "max_norm": 1.0,
        "ema": None,
        "dropout_seed": None,
    }
    accelerator = Accelerator(CPU, torch.float32, autocast=False, scale=False)
    step = TrainingStep(source, _objective(family), accelerator, **(settings | changes))
    step.begin(0)
    return step


@pytest.mark.proves("train.noise_scheduler")
def test_a_loss_is_the_papers_formula_on_the_draws_of_its_slot(family: Family) -> None:
    batch = _batch()
    losses = _objective(family)(batch, 5, 0)
    assert batch.latents is not None
    assert batch.conditioning is not None
    t_B = torch.tensor(Timesteps(3, 1000, 0, 999).draw(5, batch.slots))
    noise = TrainingNoise(3).draw(5, batch.slots, (4, 8, 8))
    noisy = family.noise_table().add_noise(batch.latents, noise, t_B)
    unet: Any = family.denoisers[0].module
    predicted = unet(noisy, t_B, batch.conditioning.parts["text"]).sample
    expected_B = F.mse_loss(predicted, noise, reduction="none").mean((1, 2, 3))
    assert torch.allclose(losses.loss_B, expected_B, rtol=1e-5)
    assert losses.total.item() == pytest.approx(expected_B.mean().item(), rel=1e-5)
    assert losses.timesteps == t_B.tolist()


@pytest.mark.proves("train.gradient_accumulation")
def test_micro_batches_give_the_gradient_of_the_whole_batch(family: Family) -> None:
    found = []
    for pieces in (1, 2, 4):
        fresh = family_for("sd1").open(family.model, Train(), CPU, torch.float32)
        fresh.load_denoisers()
        network = build(fresh, Network(), Train(), "safetensors", 0)
        result = _step(fresh, Cut(_batch(), pieces), network, pieces)(1)
        assert len(result.losses) == pieces
        assert result.grad_norm is not None
        loss = sum(losses.total.item() for losses in result.losses) / pieces
        found.append((loss, result.grad_norm.item(), network.state_dict()))
    for loss, norm, state in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-5)
        assert norm == pytest.approx(found[0][1], rel=1e-4)
        for name, value in state.items():
            assert torch.allclose(value, found[0][2][name], atol=1e-6)


def test_the_items_of_a_batch_do_not_disturb_each_other(family: Family) -> None:
    whole = _objective(family)(_batch(), 5, 0)
    half = _objective(family)(Cut(_batch(), 2).batch(5, 1), 5, 1)
    assert torch.allclose(whole.loss_B[2:], half.loss_B, rtol=1e-5)


@pytest.mark.proves("train.min_snr_gamma")
def test_min_snr_weighs_each_item_by_its_noise_level(family: Family) -> None:
    plain = _objective(family)(_batch(), 5, 0)
    table = family.noise_table()
    weighed = _objective(family, places=Places(items=[MinSnr(table, 5.0)]))(_batch(), 5, 0)
    snr = table.snr(torch.tensor(plain.timesteps))
    expected = plain.loss_B * torch.clamp(5.0 / snr, max=1.0)
    assert torch.allclose(weighed.loss_B, expected, rtol=1e-5)
    assert not torch.allclose(weighed.loss_B, plain.loss_B)


@pytest.mark.proves("datasets[].loss_multiplier")
def test_a_batchs_own_weights_multiply_its_items(family: Family) -> None:
    plain = _objective(family)(_batch(), 5, 0)
    weight_B = torch.tensor([1.0, 2.0, 0.0, 0.5])
    weighed = _objective(family)(_batch(loss_weight_B=weight_B), 5, 0)
    assert torch.allclose(weighed.loss_B, plain.loss_B * weight_B)


@pytest.mark.proves("train.noise_offset")
def test_a_noise_offset_shifts_each_channel_by_its_own_amount() -> None:
    slots, shape = list(range(200)), (4, 8, 8)
    plain = TrainingNoise(3).draw(1, slots, shape)
    shifted = TrainingNoise(3, 0.5).draw(1, slots, shape)
    shift = shifted - plain
    assert torch.allclose(shift, shift.mean((2, 3), keepdim=True).expand_as(shift), atol=1e-6)
    assert shift[:, :, 0, 0].std().item() == pytest.approx(0.5, rel=0.1)
    assert torch.equal(TrainingNoise(3, 1e-7).draw(1, slots, shape), plain)


@pytest.mark.proves("train.loss_type")
@pytest.mark.parametrize(
    ("name", "expected"), [("mse", 1e-4), ("mae", 0.01), ("pseudo_huber", 0.00414)]
)
def test_losses_follow_their_formulas(name: str, expected: float) -> None:
    prediction, target = torch.full((2, 4), 0.51), torch.full((2, 4), 0.5)
    assert per_item(element_loss(name)(prediction, target)).tolist() == pytest.approx(
        [expected] * 2, rel=1e-3
    )
    assert set(ELEMENT_LOSSES) == {"mse", "mae", "pseudo_huber"}


def test_of_two_experts_each_sees_its_own_noise_levels_only(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = family.denoisers[0].module
    experts = [Denoiser("high", module, (0.875, 1.0)), Denoiser("low", module, (0.0, 0.875))]
    family.denoisers[:] = experts
    seen: dict[str, list[int]] = {"high": [], "low": []}
    real = family.predict

    def watched(
        denoiser: Denoiser, latents: Any, t_B: Any, conditioning: Any, guidance: Any = None
    ) -> Any:
        seen[denoiser.name] += t_B.tolist()
        return real(denoiser, latents, t_B, conditioning, guidance)

    monkeypatch.setattr(family, "predict", watched)
    objective = _objective(family)
    with torch.no_grad():
        for number in range(1, 13):
            objective(_batch(2), number, 0)
    assert min(seen["high"]) >= 875
    assert max(seen["low"]) < 875


class Rank5(Family):  # type: ignore[misc]
    """A stand-in for a video family: latents (B, C, F, H, W)."""

    def __init__(self) -> None:
        self.denoisers = [Denoiser("transformer", torch.nn.Conv3d(4, 4, 1))]

    def predict(
        self,
        denoiser: Denoiser,
        latents: torch.Tensor,
        timesteps_B: torch.Tensor,
        conditioning: Conditioning,
        guidance_B: torch.Tensor | None = None,
    ) -> torch.Tensor:
        found: torch.Tensor = denoiser.module(latents)
        return found

    def noise_table(self) -> NoiseTable:
        return NoiseTable.from_config({"prediction_type": "v_prediction"})


Rank5.__abstractmethods__ = frozenset()


def test_latents_of_another_rank_train_just_as_well() -> None:
    latents = torch.randn(2, 4, 3, 8, 8)
    losses = _objective(Rank5(), noise=TrainingNoise(3, 0.1))(_batch(2, latents=latents), 1, 0)
    losses.total.backward()
    assert losses.loss_B.shape == (2,)


def test_a_step_may_predict_several_times(family: Family) -> None:
    """Another objective in the same step: the loop and the update do not notice."""
    inner = _objective(family)

    class Twice:
        def __call__(self, batch: Batch, number: int, micro: int, held: Any) -> Any:
            first, second = inner(batch, number, micro), inner(batch, number + 1000, micro)
            both = (first.total + second.total) / 2
            return replace(first, total=both, parts={"second": second.total})

    step = _step(family, Cut(_batch()))
    step.objective = Twice()
    result = step(1)
    assert "second" in result.losses[0].parts
    assert result.grad_norm is not None


def test_dropout_is_drawn_from_the_step_alone(family: Family) -> None:
    network = build(family, Network(dropout=0.5), Train(), "safetensors", 0)
    state = {k: torch.full_like(v, 0.05) for k, v in network.state_dict().items()}
    network.load_state_dict(state)
    step = _step(family, Cut(_batch()), network, dropout_seed=3)
    rate_zero = LearningRates(step._optimizer, "constant", {}, 9)
    assert rate_zero.set(0)
    losses = []
    for _ in range(2):
        network.load_state_dict(state)
        torch.randn(7)
        losses.append(step(4).losses[0].total.item())
    assert losses[0] == losses[1]
    network.load_state_dict(state)
    assert step(5).losses[0].total.item() != losses[0]


# -- cost


class Calls(TorchDispatchMode):
    """Counts the operations that reach the dispatcher."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.counts[str(func).removesuffix(".default")] += 1
        return func(*args, **(kwargs or {}))


HOST_SYNCS = {"aten._local_scalar_dense", "aten.item", "aten.nonzero", "aten.equal"}


def test_a_step_waits_for_nothing_and_costs_a_handful_of_calls_for_everything_but_the_model(
    family: Family,
) -> None:
    """Exactly listed, so that an extra call per step needs a line here."""
    ema = {"ema": None}
    network = build(family, Network(), Train(), "safetensors", 0)
    named = network.groups["unet"]
    step = _step(family, Cut(_batch()), network, **(ema | {"ema": Ema(named, 0.9)}))
    step(1)
    with Calls() as whole:
        step(2)
    t_B, latents = torch.tensor([1, 2, 3, 4]), torch.randn(4, 4, 8, 8)
    text = torch.randn(4, 77, 32)
    unet: Any = family.denoisers[0].module
    with Calls() as model:
        predicted = unet(latents, t_B, text, return_dict=False)[0]
        F.mse_loss(predicted, latents).backward()
    for parameter in named.values():
        parameter.grad = None
    assert not HOST_SYNCS & whole.counts.keys()
    own = whole.counts - model.counts
    assert own.total() <= 40, own
    assert own["aten._fused_adamw_"] == 1
    assert own["aten._foreach_norm.Scalar"] == 1
    assert own["aten._foreach_lerp_.Scalar"] == 1
    # Nothing is done once per parameter: there are far more of them than extra calls.
    assert max(own.values()) < len(named) / 4
