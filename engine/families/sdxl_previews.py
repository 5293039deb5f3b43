"""Previews of SDXL with its refiner: two diffusers pipelines called as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

ALMOST_NOTHING = 1e-6  # diffusers takes 0 for "not given": less than a step of any schedule


class Refined:
    """The base up to a fraction of the schedule, the refiner from there on."""

    def __init__(self, base: Any, refiner: Any, text_width: int) -> None:
        self._base, self._refiner, self._text_width = base, refiner, text_width

    def __call__(
        self,
        *,
        refiner_start_at: float,
        prompt_embeds: Any,
        negative_prompt_embeds: Any,
        width: int,
        height: int,
        callback_on_step_end: Callable[..., dict[str, Any]],
        **options: Any,
    ) -> Any:
        """As the base's own call. From 1.0 on the refiner is not asked."""
        texts = {"prompt_embeds": prompt_embeds, "negative_prompt_embeds": negative_prompt_embeds}
        sides = {"width": width, "height": height}
        if refiner_start_at >= 1:
            return self._base(
                **texts, **sides, **options, callback_on_step_end=callback_on_step_end
            )
        start = max(refiner_start_at, ALMOST_NOTHING)
        counted = _Counted(callback_on_step_end)
        half_done = self._base(
            **texts, **sides, **options, denoising_end=start, callback_on_step_end=counted
        ).images
        narrow = {name: text[..., -self._text_width :] for name, text in texts.items()}
        dtype = self._refiner.unet.dtype  # one of the two models may be trained in float32
        given = {
            name: value.to(dtype) if isinstance(value, Tensor) else value
            for name, value in (options | narrow).items()
        }
        return self._refiner(
            **given,
            image=half_done.to(dtype),
            denoising_start=start,
            callback_on_step_end=counted,
        )


class _Counted:
    """Counts the steps of both pipelines through."""

    def __init__(self, callback: Callable[..., dict[str, Any]]) -> None:
        self._callback, self._done = callback, 0

    def __call__(self, pipe: Any, _: int, t: Any, values: dict[str, Any]) -> dict[str, Any]:
        found = self._callback(pipe, self._done, t, values)
        self._done += 1
        return found
