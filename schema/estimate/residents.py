"""Which parts of a model lie on the device in each phase of a run, as `engine.jobs.train` loads and
frees them. `tests/engine/counts/test_residents.py` runs the job's own phases and compares.
"""

from __future__ import annotations

from typing import Literal

from schema.estimate.counts import Role
from schema.sections.job import TrainerProcess
from schema.sections.train import Train

Phase = Literal["caching", "training", "preview", "saving"]


def caches_text(process: TrainerProcess) -> bool:
    """Whether every caption is encoded before the first step."""
    train = process.train
    return (
        train.cache_text_embeddings
        or train.unload_text_encoder
        or all(dataset.cache_text_embeddings for dataset in process.datasets)
    )


def caches_latents(process: TrainerProcess) -> bool:
    """Whether every picture is encoded before the first step."""
    return all(
        dataset.cache_latents or dataset.cache_latents_to_disk for dataset in process.datasets
    )


def caches_some_latents(process: TrainerProcess) -> bool:
    """Whether some picture is."""
    return any(
        dataset.cache_latents or dataset.cache_latents_to_disk for dataset in process.datasets
    )


def previews(process: TrainerProcess) -> bool:
    """Whether there is anything to draw."""
    return not process.train.disable_sampling and bool(process.sample.items)


def decodes(train: Train) -> bool:
    """Whether the loss looks at decoded pictures (`engine.assembly.loss`), at most."""
    extractor = train.diffusion_feature_extractor_path or train.latent_feature_extractor_path
    return train.train_turbo or train.loss_type == "pixelspace" or bool(extractor)


def roles(process: TrainerProcess, phase: Phase) -> frozenset[Role]:
    """The parts on the device in a phase.

    Before training, previews and cached captions load the text encoders and cached latents the VAE.
    While training the text encoders stay unless captions are cached (or they are trained), the VAE
    stays while pictures are encoded in the step or previews are to come.
    """
    there: set[Role] = set()
    if phase == "caching":
        if caches_some_latents(process):
            there.add("vae")
        if caches_text(process) or previews(process):
            there.add("text_encoder")
        return frozenset(there)
    there.add("denoiser")
    if decodes(process.train):
        there.add("vae")
    if process.train.train_text_encoder or not caches_text(process):
        there.add("text_encoder")
    if not caches_latents(process) or previews(process):
        there.add("vae")
    if process.model.low_vram and phase != "preview":
        # Parked in main memory while the denoiser works.
        there -= {"vae"} if process.train.train_text_encoder else {"vae", "text_encoder"}
    return frozenset(there)
