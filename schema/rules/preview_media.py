"""Rules on what previews are: pictures, clips or sound, how large, from what, drawn how."""

import re
from collections.abc import Iterator
from typing import Any

from schema.formulas.prompts import split_flags
from schema.formulas.schedulers import FLOWING
from schema.rules.adapter import chosen
from schema.rules.data_video import frames_near
from schema.rules.lookup import is_flow
from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.sample import SampleItem
from schema.words import number

RULES: list[Rule] = []

_SOUND = ("mp3", "wav")
_LCM_STEPS = 50  # of the distillation, which lcm takes its steps from
_MANY_PIXELS = 4_000_000
_DISTILLED = re.compile(r"(?<!de)(?<!de-)(schnell|turbo|lightning)", re.IGNORECASE)


def _each(scope: Scope, name: str) -> Iterator[tuple[str, Any]]:
    """The values of an option of the section and of its samples, where they are set."""
    sample = scope.process.sample
    yield f"sample.{name}", getattr(sample, name)
    for index, item in enumerate(sample.samples or []):
        if getattr(item, name) is not None:
            yield f"sample.samples[{index}].{name}", getattr(item, name)


@rule(RULES, "error", "sample.format", "model.arch")
def format_of_another_medium(scope: Scope) -> Iterator[Problem]:
    """Sound is no picture."""
    chosen_format, row = scope.process.sample.format, scope.family
    if row.kind == "audio" and chosen_format not in _SOUND and scope.given("sample.format"):
        message = f"{chosen_format} holds no sound, which is all that {row.label} makes"
        yield Problem("sample.format", message, "mp3")
    elif row.kind != "audio" and chosen_format in _SOUND:
        message = f"{chosen_format} is sound, which {row.label} does not make alone"
        yield Problem("sample.format", message, "jpg")
    elif row.kind != "video" and chosen_format == "mp4":
        yield Problem("sample.format", f"mp4 is for videos, not for {row.label}", "jpg")


@rule(
    RULES, "error", "sample.num_frames", "sample.samples[].num_frames", "model.arch"
)  # fmt: skip
def preview_clip_of_an_image_model(scope: Scope) -> Iterator[Problem]:
    """An image model draws one frame."""
    for path, frames in _each(scope, "num_frames"):
        if frames > 1 and not scope.family.can(("video",)):
            yield Problem(path, f"{scope.family.label} draws single pictures", "1")


@rule(
    RULES, "warning", "sample.num_frames", "sample.samples[].num_frames", "model.arch"
)  # fmt: skip
def preview_frames_are_rounded(scope: Scope) -> Iterator[Problem]:
    """Counts are rounded down to one that the model takes."""
    for path, frames in _each(scope, "num_frames"):
        near = frames_near(scope.family, frames) if scope.family.can(("video",)) else None
        if near is not None:
            yield Problem(path, f"{frames} is rounded to {near[0]}", str(near[0]))


@rule(RULES, "hint", "sample.fps", "sample.num_frames", "sample.samples[].num_frames")
def speed_of_a_still(scope: Scope) -> Iterator[Problem]:
    """A single frame has no speed."""
    moving = any(frames > 1 for _, frames in _each(scope, "num_frames"))
    if scope.given("sample.fps") and scope.family.can(("video",)) and not moving:
        yield Problem("sample.fps", "has no effect on single frames: num_frames is 1")


@rule(
    RULES,
    "warning",
    "sample.width",
    "sample.height",
    "sample.samples[].width",
    "sample.samples[].height",
)
def preview_is_large(scope: Scope) -> Iterator[Problem]:
    """Pictures above four megapixels."""
    sample = scope.process.sample
    sizes = {"sample.width": (sample.width, sample.height)}
    for index, item in enumerate(sample.samples or []):
        if item.width or item.height:
            size = (item.width or sample.width, item.height or sample.height)
            sizes[f"sample.samples[{index}].{'width' if item.width else 'height'}"] = size
    for path, (width, height) in sizes.items():
        if width * height > _MANY_PIXELS:
            message = f"{width}x{height} is {width * height / 1e6:.1f} megapixels: slow to draw"
            yield Problem(path, f"{message}, and it may not fit into memory")


@rule(
    RULES,
    "warning",
    "sample.guidance_scale",
    "sample.samples[].guidance_scale",
    "model.arch",
    "model.name_or_path",
)
def guiding_a_distilled_model(scope: Scope) -> Iterator[Problem]:
    """Models distilled to few steps, as their names say, are drawn without guidance."""
    distilled = _DISTILLED.search(scope.process.model.name_or_path)
    for path, scale in _each(scope, "guidance_scale"):
        if distilled and scale > 1 and scope.given(path):
            message = f"{number(scale)} spoils a distilled model, which is drawn without guidance"
            yield Problem(path, message, "1.0")


@rule(RULES, "error", "sample.sampler", "model.arch")
def sampler_of_another_kind(scope: Scope) -> Iterator[Problem]:
    """Straight paths and noise tables have samplers of their own."""
    sampler = scope.process.sample.sampler
    if not scope.family.can(("chosen_sampler",)):
        return
    if is_flow(scope) and sampler not in FLOWING and scope.given("sample.sampler"):
        message = f"{scope.family.label} is drawn along straight paths, not with {sampler}"
        yield Problem("sample.sampler", message, "flowmatch")
    elif not is_flow(scope) and sampler in FLOWING:
        message = f"{sampler} is for flow matching, which {scope.family.label} does not do"
        yield Problem("sample.sampler", message, "ddpm")


@rule(RULES, "error", "sample.sampler", "sample.sample_steps", "sample.samples[].sample_steps")
def lcm_has_fifty_steps(scope: Scope) -> Iterator[Problem]:
    """Latent consistency models are distilled on fifty levels, of which lcm takes some."""
    if scope.process.sample.sampler != "lcm" or not scope.family.can(("chosen_sampler",)):
        return
    for path, steps in _each(scope, "sample_steps"):
        if steps > _LCM_STEPS:
            message = f"lcm has {_LCM_STEPS} steps to choose from; custom_lcm takes {steps}"
            yield Problem(path, message, "8")


@rule(
    RULES,
    "error",
    "sample.samples[].ctrl_img",
    "sample.samples[].ctrl_img_1",
    "sample.prompts",
    "model.arch",
)
def preview_lacks_its_picture(scope: Scope) -> Iterator[Problem]:
    """Edit models and models that continue a picture draw nothing without one."""
    row, sample = scope.family, scope.process.sample
    if scope.process.train.disable_sampling:
        return
    if row.controls[0] == 0 and not row.can(("first_frame",)):
        return
    for index, item in enumerate(sample.items):
        if not _has_picture(item):
            listed = sample.samples is not None
            path = f"sample.samples[{index}].ctrl_img" if listed else f"sample.prompts[{index}]"
            message = f"{row.label} draws from a picture: name one as ctrl_img (or --ctrl_img)"
            yield Problem(path, message)


def _has_picture(item: SampleItem) -> bool:
    if item.ctrl_img or item.ctrl_img_1 or item.ctrl_img_2 or item.ctrl_img_3:
        return True
    try:
        return "ctrl_img" in split_flags(item.prompt)[1]
    except ValueError:
        return True  # the flag has its own finding


@rule(RULES, "warning", "sample.samples[].ctrl_img", "model.arch", "adapter.type")
def nobody_looks_at_the_picture(scope: Scope) -> Iterator[Problem]:
    """Pictures in samples are for models or adapters with an input for them."""
    if scope.family.can(("picture_input",)) or scope.family.can(("control",)):
        return
    if chosen(scope) is not None:
        return
    for index, item in enumerate(scope.process.sample.samples or []):
        if item.ctrl_img:
            message = f"is not looked at: neither {scope.family.label} nor an adapter takes it"
            yield Problem(f"sample.samples[{index}].ctrl_img", message, "null")


@rule(RULES, "error", "sample.samples[].ctrl_idx", "adapter.num_control_images")
def input_that_is_not_there(scope: Scope) -> Iterator[Problem]:
    """Inputs of a control LoRA are counted from 0."""
    adapter = chosen(scope, "control_lora")
    for index, item in enumerate(scope.process.sample.samples or []):
        if adapter is not None and item.ctrl_idx >= adapter.num_control_images:
            last = adapter.num_control_images - 1
            message = f"{item.ctrl_idx} is beyond the last input of the adapter, {last}"
            yield Problem(f"sample.samples[{index}].ctrl_idx", message, str(last))


@rule(RULES, "error", "sample.extra_values", "adapter.num_tokens")
def preview_numbers_of_another_count(scope: Scope) -> Iterator[Problem]:
    """The adapter takes as many numbers as it has tokens."""
    adapter, values = chosen(scope, "single_value"), scope.process.sample.extra_values
    if adapter is not None and values and adapter.num_tokens not in (None, len(values)):
        message = f"holds {len(values)} numbers, and adapter.num_tokens is {adapter.num_tokens}"
        yield Problem("sample.extra_values", message)


@rule(RULES, "hint", "sample.refiner_start_at", "model.refiner_start_at")
def refiner_starts_elsewhere(scope: Scope) -> Iterator[Problem]:
    """The refiner is shown where it was trained."""
    model, start = scope.process.model, scope.process.sample.refiner_start_at
    if model.refiner_name_or_path and start != model.refiner_start_at and start < 1:
        message = f"differs from model.refiner_start_at ({number(model.refiner_start_at)})"
        yield Problem("sample.refiner_start_at", message, number(model.refiner_start_at))


@rule(RULES, "hint", "sample.sample_start_step", "train.steps")
def previews_start_after_the_end(scope: Scope) -> Iterator[Problem]:
    """Only the first and the last round are left."""
    start, steps = scope.process.sample.sample_start_step, scope.process.train.steps
    if start > steps:
        message = f"is above the run's {steps} steps: no previews are made in between"
        yield Problem("sample.sample_start_step", message, "0")
