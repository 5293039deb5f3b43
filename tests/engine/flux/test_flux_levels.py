"""Flow matching on a tiny FLUX.1 against a loss written down with diffusers' own parts alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline, calculate_shift
from torch import Tensor

from engine.accelerator import Accelerator
from engine.assembly.objective import build_objective
from engine.data.batch import Batch
from engine.families.base import Conditioning
from engine.networks import build
from engine.randomness import batch_normal
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader
from schema.sections.job import TrainerProcess
from schema.sections.network import Network
from schema.sections.train import Train
from tests.engine import tiny_flux
from tests.engine.core import runs

CPU = torch.device("cpu")
SEED, STEP, ROWS = 3, 5, 4


@pytest.fixture(scope="module")
def loaded(dev: Path) -> tuple[Any, Any]:
    """The model with a network that says something."""
    family = tiny_flux.load_flux(dev)
    network = build(family, Network(), Train(), "safetensors", 0)
    drawn = torch.Generator().manual_seed(1)
    state = network.state_dict()
    network.load_state_dict(
        {name: torch.randn(value.shape, generator=drawn) * 0.1 for name, value in state.items()}
    )
    return family, network


def _batch(side: int = 8) -> Batch:
    drawn = torch.Generator().manual_seed(2)
    width = tiny_flux.WIDTH
    return Batch(
        captions=["a"] * ROWS,
        items=list(range(ROWS)),
        slots=list(range(ROWS)),
        size=(8 * side, 8 * side),
        latents=torch.randn(ROWS, 16, side, side, generator=drawn),
        conditioning=Conditioning(
            {
                "text": torch.randn(ROWS, 12, width, generator=drawn),
                "pooled": torch.randn(ROWS, width, generator=drawn),
            }
        ),
    )


def _objective(loaded: tuple[Any, Any], **train: Any) -> Any:
    family, network = loaded
    process = TrainerProcess.model_validate(
        {
            "type": "sd_trainer",
            "training_folder": "nowhere",
            "model": {"name_or_path": "nowhere", "arch": "flux"},
            "network": {"type": "lora", "linear": 4},
            "train": {"noise_scheduler": "flowmatch"} | train,
            "datasets": [{"folder_path": "nowhere"}],
        }
    )
    accelerator = Accelerator(CPU, torch.float32, autocast=False, scale=False)
    return build_objective(process, family, accelerator, network, SEED)


def _gradients(network: Any) -> dict[str, Tensor]:
    found = {}
    for group in network.groups.values():
        for name, parameter in group.items():
            found[name] = parameter.grad.clone()
            parameter.grad = None
    return found


def _by_diffusers(family: Any, batch: Batch, timesteps: list[float], guidance: float) -> Tensor:
    """Noise, packing, prediction and target as diffusers' own FLUX training script has them."""
    latents, conditioning = batch.latents, batch.conditioning
    assert latents is not None
    assert conditioning is not None
    noise = batch_normal(SEED, STEP, batch.slots, "noise", latents.shape[1:])
    scheduler = FlowMatchEulerDiscreteScheduler()
    t_B = torch.tensor(timesteps)
    sigma = (t_B / scheduler.config.num_train_timesteps).view(-1, 1, 1, 1)
    noisy = (1.0 - sigma) * latents + sigma * noise
    rows, channels, height, width = latents.shape
    packed = FluxPipeline._pack_latents(noisy, rows, channels, height, width)
    text = conditioning.parts["text"]
    predicted = family.denoisers[0].module(
        hidden_states=packed,
        timestep=t_B / 1000,
        guidance=torch.full((rows,), guidance),
        pooled_projections=conditioning.parts["pooled"],
        encoder_hidden_states=text,
        txt_ids=torch.zeros(text.shape[1], 3),
        img_ids=FluxPipeline._prepare_latent_image_ids(rows, height // 2, width // 2, CPU, None),
        return_dict=False,
    )[0]
    predicted = FluxPipeline._unpack_latents(predicted, height * 8, width * 8, 8)
    return F.mse_loss(predicted, noise - latents)


@pytest.mark.proves("train.noise_scheduler")
@pytest.mark.parametrize("kind", ["sigmoid", "linear", "shift", "lognorm_blend", "eight_step"])
def test_loss_and_gradients_of_a_step_are_those_of_diffusers(
    loaded: tuple[Any, Any], kind: str
) -> None:
    family, network = loaded
    batch = _batch()
    losses = _objective(loaded, timestep_type=kind)(batch, STEP, 0)
    losses.total.backward()
    ours = _gradients(network)
    theirs = _by_diffusers(family, batch, losses.timesteps, Train().cfg_scale)
    torch.autograd.backward(theirs)
    assert losses.total.item() == pytest.approx(theirs.item(), rel=1e-5)
    for name, gradient in _gradients(network).items():
        assert gradient.abs().max() > 0
        assert torch.allclose(ours[name], gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.proves("train.timestep_type")
def test_shift_practises_the_levels_that_the_pipeline_draws_with(
    loaded: tuple[Any, Any], pipeline: Any
) -> None:
    config = pipeline.scheduler.config
    for side in (8, 32):
        losses = _objective(loaded, timestep_type="shift", num_train_timesteps=7)(
            _batch(side), STEP, 0
        )
        mu = calculate_shift(
            side * side // 4,
            config.base_image_seq_len,
            config.max_image_seq_len,
            config.base_shift,
            config.max_shift,
        )
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(config)
        scheduler.set_timesteps(7, mu=mu)
        levels = scheduler.timesteps
        for t in losses.timesteps:
            assert (levels - t).abs().min() < 0.05


@pytest.mark.proves("train.next_sample_timesteps")
def test_next_sample_asks_the_model_twice(loaded: tuple[Any, Any]) -> None:
    family, network = loaded
    calls: list[Any] = []
    module = family.denoisers[0].module
    handle = module.register_forward_hook(lambda *_: calls.append(None))
    losses = _objective(loaded, timestep_type="next_sample", next_sample_timesteps=4)(
        _batch(), STEP, 0
    )
    handle.remove()
    losses.total.backward()
    assert len(calls) == 2
    levels = [1000 * sigma for sigma in family.noise_table().shift.levels(4, 16)]
    assert set(losses.timesteps) <= set(levels[1:3])
    assert all(gradient.isfinite().all() for gradient in _gradients(network).values())


@pytest.mark.proves("sample.sampler")
@pytest.mark.parametrize("sampler", ["flowmatch", "mean_flow"])
def test_flow_samplers_draw(family: Any, sampler: str) -> None:
    pipe = family.preview_pipeline(sampler)
    inputs = family.pipeline_inputs(family.encode_prompts(["a"]), family.encode_prompts([""]))
    latents = pipe(
        **inputs,
        width=64,
        height=64,
        guidance_scale=3.5,
        num_inference_steps=4,
        generator=torch.Generator().manual_seed(3),
        output_type="latent",
    ).images
    assert latents.isfinite().all()
    sigmas = pipe.scheduler.sigmas.tolist()
    even = [1.0, 0.75, 0.5, 0.25, 0.0]
    assert (sigmas == pytest.approx(even)) is (sampler == "mean_flow")


# -- whole runs

WHOLE: list[tuple[dict[str, Any], set[float] | None]] = [
    ({"timestep_type": "next_sample", "min_denoising_steps": 3, "num_train_timesteps": 9}, None),
    ({"timestep_type": "two_step", "content_or_style": "style"}, {1000.0, 501.0}),
    ({"linear_timesteps": True, "linear_timesteps2": True}, None),
    ({"linear_timesteps2": True, "loss_target": "source"}, None),
    ({"timestep_type": "linear", "num_train_timesteps": 4}, {1000.0, 667.0, 334.0}),
    ({"timestep_type": "shift", "content_or_style": "content", "max_denoising_steps": 0}, {1000.0}),
]


@pytest.mark.proves("train.timestep_type")
@pytest.mark.parametrize(("options", "levels"), WHOLE, ids=str)
def test_a_run_records_the_levels_that_it_practised(
    new_run: Callable[..., RunFolder], options: dict[str, Any], levels: set[float] | None
) -> None:
    changes = {f"train__{name}": value for name, value in options.items()}
    folder = runs.finished(new_run, train__steps=3, train__batch_size=2, **changes)
    practised = [t for _, t, _ in MetricsReader(folder.metrics).items()]
    assert len(practised) == 6
    assert all(0 < t <= 1000 for t in practised)
    assert levels is None or set(practised) <= levels


@pytest.mark.parametrize("kind", ["sigmoid", "next_sample"])
def test_a_resumed_run_draws_as_one_that_was_never_stopped(
    new_run: Callable[..., RunFolder], kind: str
) -> None:
    usual = {"train__timestep_type": kind, "save__save_every": 2}
    straight = runs.finished(new_run, "straight", train__steps=4, **usual)
    runs.finished(new_run, "parts", train__steps=2, **usual)
    resumed = runs.finished(new_run, "parts", train__steps=4, **usual)
    assert runs.rows(resumed) == runs.rows(straight)
    assert runs.equal(runs.state_of(resumed, 4), runs.state_of(straight, 4))
