"""The same answers on a GPU: text, latents, predictions, caches, previews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.data.loader import DataSource
from engine.preview import Preview
from schema.sections.sample import Sample
from tests.engine import tiny, tiny_sd
from tests.engine.data.test_loader import process

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-3), ("bfloat16", 0.1)])
def test_a_prediction_is_that_of_the_cpu(
    tiny_sd1: Path, sd1: Any, dtype: str, close: float
) -> None:
    gpu = tiny.load_sd1(tiny_sd1, dtype, "cuda")
    latents, t_B = torch.randn(2, 4, 8, 8), torch.tensor([10, 900])
    prompts = ["a red circle", "blue"]
    found = gpu.predict(gpu.denoisers[0], latents.cuda(), t_B.cuda(), gpu.encode_prompts(prompts))
    expected = sd1.predict(sd1.denoisers[0], latents, t_B, sd1.encode_prompts(prompts))
    torch.testing.assert_close(found.float().cpu(), expected, atol=close, rtol=close)


def test_cached_latents_are_drawn_alike_and_embeddings_stay_on_the_gpu(
    tiny_sd1: Path, sd1: Any, tmp_path: Path
) -> None:
    folder = tiny.draw_pictures(tmp_path / "pictures", 4)
    both = {"cache_latents": True, "cache_text_embeddings": True}
    config = process(folder, tiny_sd1, {}, both)
    found = []
    for family in (tiny.load_sd1(tiny_sd1, "float32", "cuda"), sd1):
        data = DataSource(config, family, 0)
        data.prepare()
        found.append(data.batch(1, 0))
    assert found[0].conditioning is not None
    assert found[0].conditioning.parts["text"].is_cuda
    torch.testing.assert_close(found[0].latents, found[1].latents, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_preview_is_drawn_and_memory_goes_back(
    tiny_sd1: Path, tmp_path: Path, dtype: str
) -> None:
    family = tiny.load_sd1(tiny_sd1, dtype, "cuda")
    family.free_vae()
    before = torch.cuda.memory_allocated()
    sample = Sample(prompts=["a red circle"], width=64, height=64, sample_steps=3)
    assert Preview(family, sample).render(1, None, tmp_path)[0].path.exists()
    assert torch.cuda.memory_allocated() <= before + 2**20


@pytest.mark.parametrize("arch", ["sd2", "sdxl"])
@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-3), ("bfloat16", 0.1)])
def test_the_other_unet_families_predict_as_on_the_cpu(
    tmp_path: Path, arch: str, dtype: str, close: float
) -> None:
    build = tiny_sd.build_sd2 if arch == "sd2" else tiny_sd.build_sdxl
    folder = build(tmp_path / arch)
    cpu = tiny_sd.load_family(arch, folder)
    gpu = tiny_sd.load_family(arch, folder, dtype, device="cuda")
    latents, t_B = torch.randn(2, 4, 8, 8), torch.tensor([10, 900])
    prompts = ["a red circle", "blue"]
    found = gpu.predict(gpu.base, latents.cuda(), t_B.cuda(), gpu.encode_prompts(prompts))
    expected = cpu.predict(cpu.base, latents, t_B, cpu.encode_prompts(prompts))
    torch.testing.assert_close(found.float().cpu(), expected, atol=close, rtol=close)


def test_a_refined_preview_is_drawn_on_the_gpu(tmp_path: Path) -> None:
    base = tiny_sd.build_sdxl(tmp_path / "base")
    refiner = tiny_sd.build_refiner(tmp_path / "refiner", base)
    family = tiny_sd.load_family(
        "sdxl", base, "bfloat16", device="cuda", refiner_name_or_path=str(refiner)
    )
    sample = Sample(prompts=["a red circle"], width=64, height=64, sample_steps=4)
    assert Preview(family, sample).render(1, None, tmp_path)[0].path.exists()
