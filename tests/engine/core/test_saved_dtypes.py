"""Every way to write `save.dtype`, in LoRA files and in whole models of every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from schema.run.layout import RunFolder
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
SPELLINGS = {
    torch.float32: ("float", "fp32", "single", "float32"),
    torch.float16: ("fp16", "half", "float16"),
    torch.bfloat16: ("bf16", "bfloat16"),
    torch.float8_e4m3fn: ("8bit", "e4m3fn", "float8"),
}


def formats(tensors: dict[str, Any]) -> set[torch.dtype]:
    """Of the floating-point tensors."""
    return {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}


@pytest.mark.proves("save.dtype")
@pytest.mark.parametrize(
    ("dtype", "word"), [(dtype, word) for dtype, words in SPELLINGS.items() for word in words]
)
def test_a_lora_is_written_in_the_format_that_the_word_means(
    new_run: NewRun, dtype: torch.dtype, word: str
) -> None:
    folder = runs.finished(new_run, save__dtype=word, train__steps=1)
    assert formats(runs.weights_file(folder)) == {dtype}
    assert formats(runs.state_of(folder, 1)) == {torch.float32}  # what a run goes on from


@pytest.mark.proves("save.dtype", "save.save_format")
@pytest.mark.parametrize("save_format", ["safetensors", "diffusers", "ckpt"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn])
def test_a_whole_model_is_written_in_it_in_every_form(
    new_run: NewRun, save_format: str, dtype: torch.dtype
) -> None:
    folder = runs.finished(
        new_run,
        network=None,
        save__dtype=SPELLINGS[dtype][0],
        save__save_format=save_format,
        train__steps=1,
        train__lr=1e-5,
    )
    place = folder.path / "run"
    if save_format == "diffusers":
        parts = [load_file(file) for file in place.rglob("*.safetensors")]
        assert len(parts) == 3
    elif save_format == "ckpt":
        loaded = torch.load(place.with_suffix(".ckpt"), weights_only=True)
        parts = [loaded["state_dict"]]
    else:
        parts = [load_file(place.with_suffix(".safetensors"))]
    assert set().union(*map(formats, parts)) == {dtype}
