"""The estimate against real short runs: what lies on the device, and what lies on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.counts.model import counted
from engine.families.unet_family import UNetFamily
from engine.jobs.train import TrainingJob
from schema.document import Document
from schema.estimate.counts import Role, from_json
from schema.estimate.disk import disk
from schema.estimate.figures import Figure
from schema.estimate.hardware import Device
from schema.estimate.memory import Need
from schema.estimate.pictures import table_of
from schema.estimate.report import drawn
from schema.estimate.residents import roles
from schema.estimate.scope import model_part
from schema.run.layout import RunFolder
from schema.sections.job import TrainerProcess
from tests.engine import tiny
from tests.engine.core.runs import lay_out, make_config, run_here

KEEPING: dict[str, dict[str, Any]] = {
    "nothing cached": {"datasets__cache_latents": False},
    "latents": {},
    "latents and captions": {"train__cache_text_embeddings": True},
    "latents and captions, with previews": {
        "train__cache_text_embeddings": True,
        "train__disable_sampling": False,
    },
    "no text encoder": {"train__unload_text_encoder": True, "datasets__cache_latents": False},
    "trained text encoder": {"train__train_text_encoder": True},
}


@pytest.fixture
def new_run(tmp_path: Path, tiny_sd1: Path) -> Callable[..., RunFolder]:
    """Lays out a run on pictures of its own, beside which it may keep its caches."""
    pictures = tiny.draw_pictures(tmp_path / "pictures", 6, [(96, 64), (64, 64)])

    def make(**changes: Any) -> RunFolder:
        return lay_out(make_config("run", tmp_path, tiny_sd1, pictures, **changes))

    return make


def process_of(folder: RunFolder) -> TrainerProcess:
    """The typed process of a run."""
    return Document.load(folder.config).typed().trainer


def parts_of(family: Any) -> set[Role]:
    """What of a model is loaded."""
    there: dict[Role, bool] = {
        "denoiser": bool(family.denoisers),
        "text_encoder": bool(family.text_encoders),
        "vae": family.vae is not None,
    }
    return {role for role, here in there.items() if here}


@pytest.mark.parametrize("case", KEEPING)
def test_the_parts_on_the_device_are_those_that_the_job_keeps(
    case: str, new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, set[Role]] = {}
    real_open, real_load = TrainingJob._prepare_data, TrainingJob._load

    def keep_everything(*_: Any) -> None:
        """Nothing is freed: what is there at the end was needed."""

    def prepare(job: TrainingJob) -> Any:
        with monkeypatch.context() as kept:
            kept.setattr(UNetFamily, "free_text_encoders", keep_everything)
            kept.setattr(UNetFamily, "free_vae", keep_everything)
            found["caching"] = parts_of(real_open(job)[0])
        return real_open(job)

    def load(job: TrainingJob, family: Any, source: Any) -> Any:
        trained = real_load(job, family, source)
        found["training"] = parts_of(family)
        return trained

    monkeypatch.setattr(TrainingJob, "_prepare_data", prepare)
    monkeypatch.setattr(TrainingJob, "_load", load)
    folder = new_run(train__steps=1, **KEEPING[case])
    assert run_here(folder) == 0
    process = process_of(folder)
    assert roles(process, "caching") == found["caching"]
    assert roles(process, "training") == found["training"]


SAVED = {
    "train__steps": 12, "save__save_every": 4, "train__disable_sampling": False,
    "sample__sample_every": 6, "datasets__cache_latents_to_disk": True,
    "train__cache_text_embeddings": True, "network__linear": 16, "save__dtype": "float16",
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{}, {"train__ema_config": {"use_ema": True, "ema_decay": 0.9}, "save__dtype": "float32"}],
    ids=["lora", "averaged"],
)
def test_the_disk_is_filled_as_estimated(
    changes: dict[str, Any], new_run: Callable[..., RunFolder], tmp_path: Path
) -> None:
    folder = new_run(**{**SAVED, **changes})
    process = process_of(folder)
    counts = from_json(counted(model_part(process), torch.float32, measure=False))
    table = table_of(process, counts.size_multiple, tmp_path)
    need = Need(process, counts, table, Device("cpu", "CPU"), drawn(process))
    expected = disk(need, None).parts
    assert run_here(folder) == 0
    pictures = tmp_path / "pictures"
    close(expected["weights"], size(folder.path.glob("*.safetensors")), 0.05)
    close(expected["checkpoints"], size(folder.state.rglob("*.*")), 0.08)
    close(expected["latents"], size((pictures / "_latent_cache").iterdir()), 0.1)
    close(expected["captions"], size((pictures / "_t_e_cache").iterdir()), 0.1)
    assert len(list(folder.samples.glob("*.jpg"))) == 3  # before, after 6, after the last step


def size(files: Any) -> int:
    """Bytes of files."""
    return sum(file.stat().st_size for file in files if file.is_file())


def close(figure: Figure, real: int, tolerance: float) -> None:
    """An estimate within a share of the truth."""
    assert figure.value == pytest.approx(real, rel=tolerance), figure.note
