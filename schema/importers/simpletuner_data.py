"""SimpleTuner's data backends: the list in multidatabackend.json, as datasets."""

import math
from typing import Any, Final

from schema.importers.draft import Draft
from schema.importers.simpletuner_tables import BACKEND, CACHE_SETS, DEFAULTS, REASONS
from schema.importers.tables import NoEqualError, Source, follow, list_rest, number, real, whole

_MEGAPIXEL: Final = 1_000_000
_LINKS: Final = ("conditioning_data", "source_dataset_id", "conditioning_type")


def as_typed(value: Any) -> Any:
    """Values may stand as text: `"true"`, `"1e-4"`, `"20"`."""
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return number(value)
    except NoEqualError:
        return value


def put_backends(draft: Draft, backends: Any, shared: Source) -> None:
    """A dataset for each local image or video backend; `shared` is the main config."""
    found = [
        {key: as_typed(value) for key, value in item.items()}
        for item in (backends if isinstance(backends, list) else [])
        if isinstance(item, dict)
    ]
    kinds = {str(item.get("id")): item for item in found}
    for index, item in enumerate(found):
        source = Source(item, f"{item.get('id') or f'backend {index}'}: ")
        kind = str(source.take("dataset_type", "image"))
        draft.took("datasets", *source.present("dataset_type", "id"))
        source.take("id")
        if kind in CACHE_SETS:
            _idle(draft, source)
        elif True in (source.look("disabled"), source.look("disable")):
            draft.lost(source.name("disabled"), True, "switched off, so it is left out")
        elif kind not in ("image", "video"):
            if not any(item.get("id") in _linked(other) for other in found):
                draft.lost(source.name("dataset_type"), kind, "no such kind of dataset here")
            _linked_only(draft, source)
        elif source.look("type", "local") != "local" or "instance_data_dir" not in source:
            where = source.take("type", "local")
            draft.lost(source.name("type"), where, "pictures lie in a local folder here")
            list_rest(source, draft, REASONS, DEFAULTS)
        else:
            draft.datasets.append(_dataset(draft, source, shared, kinds))


def _idle(draft: Draft, source: Source) -> None:
    for key in source.rest():
        draft.off(source.name(key))


def _linked(item: dict[str, Any]) -> list[Any]:
    links = item.get("conditioning_data")
    return links if isinstance(links, list) else [links]


def _linked_only(draft: Draft, source: Source) -> None:
    """A conditioning set is a folder of control images of another set."""
    draft.took("control_path", *source.present("instance_data_dir", "type", *_LINKS))
    for key in ("instance_data_dir", "type", *_LINKS):
        source.take(key)
    list_rest(source, draft, REASONS, DEFAULTS)


def _dataset(
    draft: Draft, source: Source, shared: Source, kinds: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    draft.took("datasets", *source.present("type", "disabled", "disable"))
    for key in ("type", "disabled", "disable"):
        source.take(key)
    dataset: dict[str, Any] = {"folder_path": ""}
    follow(BACKEND, source, draft, dataset)
    # Repeats are further times there: 0 shows each picture once.
    repeats = source.take("repeats", 0)
    draft.took("num_repeats", *source.present("repeats"))
    try:
        if whole(repeats) > 0:
            dataset["num_repeats"] = whole(repeats) + 1
            words = f"repeats come on top of the first time there, so num_repeats is {repeats} + 1"
            draft.told(source.name("repeats"), repeats, words)
    except ValueError:
        draft.lost(source.name("repeats"), repeats, "not a whole number")
    _resolution(draft, source, shared, dataset)
    _crop(draft, source, dataset)
    _captions(draft, source, shared, dataset)
    _control(draft, source, dataset, kinds)
    video = source.inner("video")
    if "num_frames" in video:
        dataset["num_frames"] = video.take("num_frames")
        draft.took("num_frames", video.name("num_frames"))
    list_rest(video, draft, {}, {})
    # Latents and embeddings are always cached there.
    dataset["cache_latents_to_disk"] = True
    list_rest(source, draft, REASONS, DEFAULTS)
    return dataset


def _resolution(draft: Draft, source: Source, shared: Source, dataset: dict[str, Any]) -> None:
    value = source.take("resolution", shared.look("resolution", 1024))
    kind = str(source.take("resolution_type", shared.look("resolution_type", "pixel_area")))
    draft.took("resolution", *source.present("resolution", "resolution_type"))
    key = source.name("resolution")
    try:
        number = real(value)
        side = round(math.sqrt(number * _MEGAPIXEL)) if kind == "area" else round(number)
    except (ValueError, OverflowError):
        draft.lost(key, value, "not a size")
        return
    dataset["resolution"] = side
    if kind == "area":
        draft.told(key, value, f"megapixels: the side of a square of that area is {side}")
    elif kind == "pixel":
        words = f"the shorter side there, an area of {side} x {side} here"
        draft.told(key, value, words)


def _crop(draft: Draft, source: Source, dataset: dict[str, Any]) -> None:
    names = ("crop", "crop_aspect", "crop_style")
    draft.took("square_crop", *source.present(*names))
    crop, aspect, style = (source.take(name) for name in names)
    if crop is not True:
        return
    if aspect in (None, "square"):
        dataset["square_crop"] = True
        if style not in (None, "center", "centre"):
            draft.lost(source.name("crop_style"), style, "squares are cut from the middle here")
    elif style == "random":
        dataset["random_crop"] = True
    if aspect not in (None, "square", "preserve"):
        draft.lost(source.name("crop_aspect"), aspect, "no such choice of shapes here")
    if style not in (None, "center", "centre", "random"):
        draft.lost(source.name("crop_style"), style, "cropped in the middle or at random here")


def _captions(draft: Draft, source: Source, shared: Source, dataset: dict[str, Any]) -> None:
    strategy = source.take("caption_strategy", shared.look("caption_strategy", "filename"))
    prompt = source.take("instance_prompt", shared.look("instance_prompt"))
    draft.took("caption_ext", *source.present("caption_strategy", "instance_prompt"))
    key = source.name("caption_strategy")
    dataset["caption_ext"] = ".txt"
    if strategy == "instanceprompt":
        dataset["default_caption"] = prompt or ""
        draft.told(key, strategy, "the prompt stands where a picture has no .txt file beside it")
    elif strategy == "textfile":
        draft.told(key, strategy, "all lines of a file are one caption here, not one each")
    else:
        reason = "captions come from a file beside each picture here; see default_caption"
        draft.lost(key, strategy, reason)
    dropout = shared.look("caption_dropout_probability", 0.1)
    if "caption_dropout_rate" not in dataset:
        dataset["caption_dropout_rate"] = dropout


def _control(
    draft: Draft, source: Source, dataset: dict[str, Any], kinds: dict[str, dict[str, Any]]
) -> None:
    links = source.take("conditioning_data")
    if links is None:
        return
    draft.took("control_path", *source.present("conditioning_data"))
    names = links if isinstance(links, list) else [links]
    folders = [kinds.get(str(name), {}).get("instance_data_dir") for name in names]
    masks = [kinds.get(str(name), {}).get("conditioning_type") == "mask" for name in names]
    found = [folder for folder in folders if isinstance(folder, str)]
    if len(found) != len(names) or not found:
        draft.lost(source.name("conditioning_data"), links, "there is no such backend")
    elif masks == [True]:
        dataset["mask_path"] = found[0]
    else:
        dataset["control_path"] = found
