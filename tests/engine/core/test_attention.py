"""Attention kernels: for denoiser and VAE, the same numbers, refused where they cannot run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import attention
from engine.errors import ConfigError
from schema.run.layout import RunFolder
from schema.run.status import read_status
from schema.sections.train import Train
from tests.engine import tiny, tiny_flux
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernels that the dispatcher was asked for by name, call after call."""
    from diffusers.models import attention_dispatch
    from diffusers.models.transformers import transformer_flux

    inner, found = attention_dispatch.dispatch_attention_fn, list[str]()

    def listening(*arguments: Any, backend: Any = None, **named: Any) -> torch.Tensor:
        found.append(backend.value if backend else "")
        answer: torch.Tensor = inner(*arguments, backend=backend, **named)
        return answer

    for module in (attention_dispatch, transformer_flux):
        monkeypatch.setattr(module, "dispatch_attention_fn", listening)
    return found


@pytest.mark.proves("train.attention_backend")
def test_another_kernel_gives_the_same_losses_by_its_own_arithmetic(
    new_run: NewRun, asked: list[str]
) -> None:
    plain = runs.finished(new_run, "plain", train__steps=3)
    assert not asked
    folder = runs.finished(new_run, "math", train__steps=3, train__attention_backend="_native_math")
    assert set(asked) == {"_native_math"}
    for step, row in runs.rows(plain).items():
        assert runs.rows(folder)[step]["loss"] == pytest.approx(row["loss"], rel=1e-4)


@pytest.mark.proves("train.attention_backend")
def test_transformers_and_vaes_are_told_too(tmp_path: Path, asked: list[str]) -> None:
    family = tiny_flux.open_flux(tiny_flux.build_flux(tmp_path / "flux"))
    attention.use_kernels(family, Train(attention_backend="_native_math"))
    family.load_text_encoders()
    family.load_vae()
    latents = family.encode_images(torch.zeros(1, 3, 64, 64))
    assert asked
    assert set(asked) == {"_native_math"}
    family.load_denoisers()
    asked.clear()
    with torch.no_grad():
        family.predict(
            family.denoisers[0], latents, torch.tensor([500.0]), family.encode_prompts(["a"])
        )
    assert asked
    assert set(asked) == {"_native_math"}


def test_a_u_nets_attention_is_that_of_diffusers(tiny_sd1: Path) -> None:
    found = []
    for backend in ("native", "_native_math", "_native_flash"):
        family = tiny.open_sd1(tiny_sd1)
        attention.use_kernels(family, Train(attention_backend=backend))
        family.load_text_encoders()
        family.load_denoisers()
        family.load_vae()
        pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
        latents = family.encode_images(pixels)
        with torch.no_grad():
            text = family.encode_prompts(["a red circle"])
            found.append(family.predict(family.denoisers[0], latents, torch.tensor([500]), text))
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0])


@pytest.mark.proves("train.xformers", "train.attention_backend")
@pytest.mark.parametrize(
    ("train", "words"),
    [
        ({"xformers": True}, "xformers"),
        ({"attention_backend": "flash"}, "flash-attn"),
        ({"attention_backend": "flash_hub"}, "kernels"),
        ({"attention_backend": "_native_cudnn"}, "needs a CUDA GPU"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_loaded(
    train: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers.models import attention_dispatch

    for flag in ("_CAN_USE_XFORMERS_ATTN", "_CAN_USE_FLASH_ATTN"):
        monkeypatch.setattr(attention_dispatch, flag, False)
    monkeypatch.setattr(attention_dispatch, "is_kernels_available", lambda: False)
    with pytest.raises(ConfigError, match=words):
        attention.require(Train(**train), torch.device("cpu"))
    assert attention.chosen(Train(xformers=True)) == "xformers"


def test_a_run_without_the_package_fails_with_its_name(new_run: NewRun) -> None:
    folder = new_run(train__xformers=True)
    assert runs.run_here(folder) == 1
    status = read_status(folder)
    assert status is not None
    assert "train.xformers" in str(status["error"])
    assert "xformers" in str(status["error"])


def _enabled(kind: str) -> bool:
    return bool(getattr(torch.backends.cuda, f"{kind}_sdp_enabled")())


@pytest.fixture
def _flash_off() -> Iterator[None]:
    before = _enabled("flash")
    torch.backends.cuda.enable_flash_sdp(False)
    yield
    torch.backends.cuda.enable_flash_sdp(before)


@pytest.mark.proves("train.sdp")
@pytest.mark.usefixtures("_flash_off")
@pytest.mark.parametrize("on", [False, True])
def test_all_kernels_of_pytorch_are_allowed_again(new_run: NewRun, on: bool) -> None:
    runs.finished(new_run, train__sdp=on, train__steps=1)
    assert [_enabled(kind) for kind in ("flash", "math", "mem_efficient")] == [on, True, True]
