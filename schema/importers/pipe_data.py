"""diffusion-pipe's dataset TOML: directories, with what is said for all of them at the top."""

from collections.abc import Mapping
from typing import Any

from schema.importers.draft import Draft
from schema.importers.pipe_tables import DATASET_DEFAULTS, DIRECTORY, REASONS
from schema.importers.tables import Source, follow, list_rest, number, side_of

_SHARED = ("resolutions", "enable_ar_bucket", "frame_buckets", "shuffle_tags", "cache_shuffle_num")


def put_directories(draft: Draft, data: Mapping[str, Any]) -> None:
    """A dataset for each [[directory]]."""
    top = Source(data)
    directories = top.take("directory")
    items = directories if isinstance(directories, list) else []
    for index, item in enumerate(items):
        if isinstance(item, dict):
            draft.datasets.append(_dataset(draft, Source(item, f"directory[{index}]."), top))
    for key in _SHARED:
        if items:
            top.take(key)
    draft.took("datasets", *top.present(*_SHARED, "directory"))
    list_rest(top, draft, REASONS, DATASET_DEFAULTS)


def _dataset(draft: Draft, source: Source, top: Source) -> dict[str, Any]:
    dataset: dict[str, Any] = {"folder_path": "", "caption_ext": ".txt"}
    follow(DIRECTORY, source, draft, dataset)
    shared = {key: source.take(key, top.look(key)) for key in _SHARED}
    draft.took("datasets", *source.present(*_SHARED))
    if shared["resolutions"] is not None:
        _sizes(draft, source, shared["resolutions"], dataset)
    dataset["buckets"] = shared["enable_ar_bucket"] is True
    if shared["shuffle_tags"] or shared["cache_shuffle_num"]:
        dataset["shuffle_tokens"] = True
        draft.told(source.name("shuffle_tags"), True, "shuffled anew at every step here")
    frames = shared["frame_buckets"]
    frames = [count for count in _listed(frames) if isinstance(count, int)]
    if max(frames, default=1) > 1:
        dataset["num_frames"] = max(frames)
        if len([count for count in frames if count > 1]) > 1:
            words = "one number of frames to a dataset here: the largest"
            draft.told(source.name("frame_buckets"), frames, words)
    dataset["cache_latents_to_disk"] = dataset["buckets"]
    list_rest(source, draft, REASONS, DATASET_DEFAULTS)
    return dataset


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _sizes(draft: Draft, source: Source, values: Any, dataset: dict[str, Any]) -> None:
    """Sides, or [width, height] pairs that stand for their area."""
    key = source.name("resolutions")
    try:
        pairs = [item if isinstance(item, list) else [item, item] for item in values]
        sides = [side_of(number(pair[0]), number(pair[1])) for pair in pairs]
    except (ValueError, TypeError, IndexError):
        draft.lost(key, values, "neither sizes nor pairs of width and height")
        return
    if any(pair[0] != pair[1] for pair in pairs):
        draft.told(key, values, f"sizes stand for areas: those of {sides}")
    dataset["resolution"] = sides if len(sides) > 1 else sides[0]
