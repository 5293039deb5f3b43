"""Sample pictures made while training, with the configured sampler and the weights as they are now.

They are drawn by the family's own diffusers pipeline around the live modules, so that what is seen
here is what diffusers will draw from the saved file. Previews never touch training: their noise
comes from their own generators, torch's global generators are put back afterwards, and modules
return to the mode they were in. Who calls decides about averaged weights and the network.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from engine.errors import ConfigError, RunError, StoppedEarly
from engine.families.base import Conditioning, Family
from engine.randomness import global_rng_kept
from schema.formulas.prompts import PreviewRequest, preview_requests

if TYPE_CHECKING:
    from engine.prompts.decorator import Decorator
    from schema.sections.sample import Sample

THUMBNAIL = (300, 300)
QUALITY = {"jpg": 95, "webp": 90}
PILLOW_FORMAT = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
Scaled = Callable[[float], AbstractContextManager[Any]]
Progress = Callable[[str, int, int], None]  # phase, done, total
Wording = tuple[str, str | None]
"""A text, and another one for the second text encoder."""


def _nothing(*_: Any) -> None:
    pass


@dataclass(frozen=True)
class PreviewImage:
    """One picture on disk and how to make it again; the fields go into the run's record."""

    path: Path
    step: int
    index: int
    prompt: str
    neg: str
    seed: int
    sampler: str
    width: int
    height: int
    guidance_scale: float
    sample_steps: int
    network_multiplier: float
    precision: str
    options: dict[str, Any] = field(default_factory=dict)
    """What only some families have: rescaled guidance, where the refiner starts, second prompts."""

    def fields(self) -> dict[str, Any]:
        """Plain values by name, ``path`` as text."""
        values = asdict(self)
        return values | values.pop("options") | {"path": str(self.path)}


class Preview:
    """The previews of one run."""

    def __init__(
        self, family: Family, sample: Sample, trigger: str | None = None, negative: str = ""
    ) -> None:
        """`negative` is the negative prompt that a `neg` of true means."""
        self._family = family
        self._encoded: dict[Wording, Conditioning] = {}
        self.decorator: Decorator | None = None
        """Puts learned tokens behind prompts, where a run has such."""
        self.configure(sample, trigger, negative)

    def configure(self, sample: Sample, trigger: str | None = None, negative: str = "") -> None:
        """Take over changed settings. Raises ConfigError for flags that cannot be read."""
        section = sample.model_dump(exclude={"samples", "prompts"})
        section["neg"] = negative if sample.neg is True else sample.neg or ""
        items = [item.model_dump() for item in sample.items]
        try:
            self.requests = preview_requests(section, items, trigger)
        except ValueError as fault:
            raise ConfigError("sample", str(fault)) from fault
        self._sampler, self._format = sample.sampler, sample.format

    def __len__(self) -> int:
        """How many pictures a round has."""
        return len(self.requests)

    def prepare(self) -> None:
        """Encode every prompt now, for runs that free their text encoders afterwards."""
        self._family.load_text_encoders()
        texts = dict.fromkeys(w for r in self.requests for w in (_wording(r), _unwanted(r)))
        self._encoded = {text: self._encode(text).to("cpu") for text in texts}

    def _encode(self, wording: Wording) -> Conditioning:
        text, second = wording
        if not self._family.text_encoders:
            if wording not in self._encoded:
                raise RunError(
                    f"The prompt {text!r} was not encoded before the text encoder was freed."
                )
            return self._encoded[wording]
        with torch.no_grad():
            if second is None or self._family.readers == 1:
                return self._family.encode_prompts([text])
            return self._family.encode_wordings([[text], [second]])

    def render(
        self,
        step: int,
        scaled: Scaled | None,
        folder: Path,
        poll: Callable[[], Any] = _nothing,
        *,
        progress: Progress = _nothing,
        made: Callable[[PreviewImage], None] = _nothing,
        failed: Callable[[int, str], None] | None = None,
    ) -> list[PreviewImage]:
        """Draw every preview of the round that belongs to ``step`` into ``folder``.

        ``scaled(m)`` is entered while a picture is drawn (a network's multiplier). ``poll`` is
        called before every denoising step and may raise StoppedEarly to break off. ``progress``
        counts denoising steps over the whole round; ``made`` gets each picture once it is on disk.
        A picture that cannot be drawn is told to ``failed(index, sentence)`` and the others go on;
        without ``failed`` it raises.
        """
        if not self.requests:
            return []
        family = self._family
        images: list[PreviewImage] = []
        total = sum(request.sample_steps for request in self.requests)
        before = 0

        def tick(done: int) -> None:
            progress("previews", before + done, total)
            poll()

        with global_rng_kept(), _vae_of(family), _evaluating(_modules(family)), torch.no_grad():
            pipeline = family.preview_pipeline(self._sampler)
            for index, request in enumerate(self.requests):
                request = _with_seed(request)
                try:
                    tick(0)
                    picture = self._draw(pipeline, request, scaled, tick)
                    images.append(self._keep(picture, request, step, index, folder))
                    made(images[-1])
                except StoppedEarly:
                    raise
                except (ValueError, RunError, OSError) as fault:
                    if failed is None:
                        raise
                    failed(index, str(fault))
                before += request.sample_steps
        return images

    def _draw(
        self,
        pipeline: Any,
        request: PreviewRequest,
        scaled: Scaled | None,
        tick: Callable[[int], None],
    ) -> Image.Image:
        def after(_: Any, done: int, __: Any, values: dict[str, Any]) -> dict[str, Any]:
            tick(min(done + 1, request.sample_steps))
            return values

        # the text encoder may carry a network too: it is scaled with the denoiser
        with scaled(request.network_multiplier) if scaled else contextlib.nullcontext():
            told = self._encode(_wording(request)), self._encode(_unwanted(request))
            if self.decorator is not None:
                told = self.decorator.behind(told[0]), self.decorator.unwanted(told[1])
            inputs = self._family.pipeline_inputs(*told)
            latents: Tensor = pipeline(
                **inputs,
                **self._family.preview_options(request),
                width=request.width,
                height=request.height,
                num_inference_steps=request.sample_steps,
                guidance_scale=request.guidance_scale,
                generator=torch.Generator().manual_seed(request.seed),
                output_type="latent",
                callback_on_step_end=after,
            ).images
        # the pipeline's latents are in its own scale, which is also decode_latents'
        return to_image(self._family.decode_latents(latents)[0])

    def _keep(
        self, picture: Image.Image, request: PreviewRequest, step: int, index: int, folder: Path
    ) -> PreviewImage:
        name = f"{time.time_ns() // 1_000_000}__{step:09d}_{index}.{self._format}"
        save_image(picture, folder, name, self._format)
        shown = {entry.name for entry in fields(PreviewImage)}
        settings = {key: value for key, value in asdict(request).items() if key in shown}
        return PreviewImage(
            path=folder / name,
            step=step,
            index=index,
            sampler=self._sampler,
            options=_second(request) | self._family.preview_options(request),
            precision=str(self._family.dtype).removeprefix("torch."),
            **settings,
        )


def _wording(request: PreviewRequest) -> Wording:
    return request.prompt, request.prompt_2


def _second(request: PreviewRequest) -> dict[str, Any]:
    """What the second text encoder was told, where that was something else."""
    told = {"prompt_2": request.prompt_2, "neg_2": request.neg_2}
    return {name: text for name, text in told.items() if text is not None}


def _unwanted(request: PreviewRequest) -> Wording:
    return request.neg, request.neg_2


def _with_seed(request: PreviewRequest) -> PreviewRequest:
    """A seed of -1 becomes a new one each time; what was drawn is recorded with the picture."""
    return request if request.seed >= 0 else replace(request, seed=secrets.randbelow(2**32))


def _modules(family: Family) -> list[nn.Module]:
    return [*(denoiser.module for denoiser in family.denoisers), *family.text_encoders.values()]


@contextlib.contextmanager
def _vae_of(family: Family) -> Iterator[None]:
    """The VAE loaded, and gone again afterwards if training does not need it."""
    there = family.vae is not None
    family.load_vae()
    try:
        yield
    finally:
        if not there:
            family.free_vae()


@contextlib.contextmanager
def _evaluating(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Eval mode, then every submodule back to the mode that it was in."""
    training = [part for module in modules for part in module.modules() if part.training]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def to_image(pixels_CHW: Tensor) -> Image.Image:
    """An RGB picture of pixels in [-1, 1]; what lies outside is cut."""
    bytes_HWC = (pixels_CHW.float() / 2 + 0.5).clamp(0, 1).mul(255).round().byte()
    return Image.fromarray(bytes_HWC.permute(1, 2, 0).cpu().numpy())


def save_image(picture: Image.Image, folder: Path, name: str, kind: str) -> None:
    """Write a picture and its thumbnail so that watchers of the folder see whole files only.

    The thumbnail is there first: who sees the picture may take it.
    """
    staged, thumbs = folder / ".tmp", folder / ".thumbs"
    for place in (staged, thumbs):
        place.mkdir(parents=True, exist_ok=True)
    small = ImageOps.fit(picture, THUMBNAIL)
    small.save(staged / f"{name}.jpg", "JPEG", quality=90)
    os.replace(staged / f"{name}.jpg", thumbs / f"{name}.jpg")
    options = {"quality": QUALITY[kind]} if kind in QUALITY else {}
    picture.save(staged / name, PILLOW_FORMAT[kind], **options)
    os.replace(staged / name, folder / name)
