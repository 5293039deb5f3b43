"""kohya's datasets: the dataset TOML, and folders named `10_name` of the main config."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from schema.importers.counting import nearby
from schema.importers.draft import Draft
from schema.importers.kohya_tables import DEFAULTS, INHERITED, REASONS, SUBSET
from schema.importers.tables import (
    Source,
    follow,
    list_rest,
    number,
    optional,
    side_of,
    switch,
    whole,
)

_REPEATED: Final = re.compile(r"(\d+)(?:_(.*))?$")
_OFF_HERE: Final = ("cache_info", "debug_dataset", "caption_separator", "skip_cache_check")
_NAMES: Final = {"batch_size": "train_batch_size", "num_repeats": "dataset_repeats"}
"""Keys whose fallback in the main config has another name."""
_OWN: Final = ("resolution", "batch_size", "bucket_no_upscale", "conditioning_data_dir",
               "masked_loss", "metadata_file", "num_repeats", *_OFF_HERE)  # fmt: skip


def put_datasets(draft: Draft, data: Mapping[str, Any], main: Mapping[str, Any]) -> None:
    """The datasets of a dataset TOML; `main` holds what the main config says for all of them."""
    general = _table(data.get("general"))
    sets = data.get("datasets")
    for number_, dataset in enumerate(sets if isinstance(sets, list) else []):
        where = f"datasets[{number_}]."
        shared = {**_inheritable(main), **_placed("general.", general)}
        own = {key: value for key, value in _table(dataset).items() if key != "subsets"}
        shared |= _placed(where, own)
        subsets = _table(dataset).get("subsets")
        for index, subset in enumerate(subsets if isinstance(subsets, list) else []):
            inner = _placed(f"{where}subsets[{index}].", _table(subset))
            _put_one(draft, {**shared, **inner})
        if not subsets:
            draft.lost(where.rstrip("."), "no subsets", "a dataset without pictures")
    for key, value in data.items():
        if key not in ("general", "datasets"):
            draft.lost(key, value, "no key of a dataset file")
    _one_batch_size(draft)


def put_folders(draft: Draft, source: Source, beside: Path) -> None:
    """The sub-folders `10_name` of train_data_dir and reg_data_dir, with what is said for all."""
    shared = _inheritable(source.values)
    for key, is_reg in (("train_data_dir", False), ("reg_data_dir", True)):
        if key not in source:
            continue
        name = source.take(key)
        folder = nearby(name, beside, folder=True)
        found = _repeated(folder) if folder is not None else []
        for place, repeats, words in found:
            values = {"image_dir": str(Path(str(name)) / place), "num_repeats": repeats}
            _put_one(draft, shared | _placed("", values | _extras(words, is_reg)))
        if found:
            draft.told(key, name, "a dataset for each sub-folder with a count in front of its name")
            continue
        what = "is not on this machine" if folder is None else "has no such sub-folders"
        reason = f"the folder {what}; repeats stand in the names of its sub-folders (10_name)"
        draft.lost(key, name, reason + ", give each a dataset with num_repeats")
        _put_one(draft, shared | _placed("", {"image_dir": str(name)} | _extras("", is_reg)))
    _one_batch_size(draft)


def _extras(words: str, is_reg: bool) -> dict[str, Any]:
    return ({"class_tokens": words} if words else {}) | ({"is_reg": True} if is_reg else {})


def _repeated(folder: Path) -> list[tuple[str, int, str]]:
    """Sub-folders with their repeats and the words of their names, in a fixed order."""
    found = []
    try:
        names = sorted(item.name for item in folder.iterdir() if item.is_dir())
    except OSError:
        return []
    for name in names:
        match = _REPEATED.match(name)
        if match and int(match[1]) > 0:
            found.append((name, int(match[1]), match[2] or ""))
    return found


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


Placed = dict[str, tuple[str, Any]]
"""Key -> (name with its place, value): a value keeps the place where it was written."""


def _placed(where: str, values: Mapping[str, Any]) -> Placed:
    return {key: (f"{where}{key}", value) for key, value in values.items()}


def _inheritable(main: Mapping[str, Any]) -> Placed:
    """What the main config says about datasets, under the dataset's names of the keys."""
    found: Placed = {}
    for key in (*INHERITED, *_OWN, *(key for key in _CAPTION_KEYS if key not in INHERITED)):
        theirs = _NAMES.get(key, key)
        if main.get(theirs) is not None:
            found[key] = (theirs, main[theirs])
    return found


_CAPTION_KEYS: Final = (
    "caption_prefix", "caption_suffix", "enable_wildcard", "keep_tokens_separator",
    "secondary_separator", "token_warmup_min", "token_warmup_step", "color_aug",
    "face_crop_aug_range", "caption_dropout_every_n_epochs", "resize_interpolation",
    "min_bucket_reso", "max_bucket_reso",
)  # fmt: skip
DATA_KEYS: Final = frozenset((*INHERITED, *_OWN, *_CAPTION_KEYS, "dataset_repeats"))
"""Keys of the main config that speak of datasets and are dealt with here."""


class _Named(Source):
    """A source whose keys know the place that each was written at."""

    def __init__(self, placed: Placed) -> None:
        super().__init__({key: value for key, (_, value) in placed.items()})
        self._names = {key: name for key, (name, _) in placed.items()}

    def name(self, key: str) -> str:
        return self._names.get(key, key)


def _put_one(draft: Draft, placed: Placed) -> None:
    source = _Named(placed)
    dataset: dict[str, Any] = {"folder_path": "", "caption_ext": ".caption", "buckets": False}
    follow(SUBSET, source, draft, dataset)
    _sizes(draft, source, dataset)
    _conditioning(draft, source, dataset)
    if "batch_size" in source:
        dataset["batch_size"] = source.read("batch_size", whole, 1)
        draft.took("batch_size", source.name("batch_size"))
    for key in _OFF_HERE:
        value = source.take(key)
        if value is None:
            continue
        if key == "caption_separator" and str(value).strip() != ",":
            draft.lost(source.name(key), value, "tags are parted by commas here")
        else:
            draft.off(source.name(key))
    if not dataset["buckets"]:
        dataset.pop("bucket_tolerance", None)
    list_rest(source, draft, REASONS, DEFAULTS)
    _settle(dataset)
    draft.datasets.append(dataset)


def _settle(dataset: dict[str, Any]) -> None:
    """Keys that have no effect without another one are left out."""
    if not dataset.get("shuffle_tokens") and not dataset.get("token_dropout_rate"):
        dataset.pop("keep_tokens", None)
    if dataset.get("num_repeats") == 1:
        dataset.pop("num_repeats")


def _sizes(draft: Draft, source: Source, dataset: dict[str, Any]) -> None:
    no_upscale, value = source.take("bucket_no_upscale"), source.take("resolution")
    draft.took("resolution", *source.present("resolution"))
    if value is not None:
        try:
            dataset["resolution"] = _side(draft, source, value)
        except ValueError:
            draft.lost(source.name("resolution"), value, "neither a size nor width and height")
    if not dataset["buckets"]:
        if no_upscale is not None:
            draft.off(source.name("bucket_no_upscale"))
    elif no_upscale in (None, False):
        words = "pictures with fewer pixels than the resolution are not enlarged here"
        draft.told(source.name("bucket_no_upscale"), False, words)
    else:
        draft.took("resolution", source.name("bucket_no_upscale"))


def _side(draft: Draft, source: Source, value: Any) -> int:
    parts = value.split(",") if isinstance(value, str) else value
    sizes = [number(part) for part in (parts if isinstance(parts, list) else [parts])]
    if len(sizes) not in (1, 2) or min(sizes) <= 0:
        raise ValueError
    side = side_of(sizes[0], sizes[-1])
    if sizes[0] != sizes[-1]:
        words = f"a size stands for an area: {side} x {side} is that of {sizes[0]} x {sizes[-1]}"
        draft.told(source.name("resolution"), value, words)
    return side


def _conditioning(draft: Draft, source: Source, dataset: dict[str, Any]) -> None:
    """A second folder: masks with masked_loss, control images otherwise."""
    masked = source.read("masked_loss", optional(switch), None)
    folder, is_mask = source.take("conditioning_data_dir"), masked is True
    if folder is not None:
        path = "mask_path" if is_mask else "control_path"
        dataset[path] = str(folder) if is_mask else [str(folder)]
        draft.took(path, *source.present("conditioning_data_dir", "masked_loss"))
    elif is_mask and not dataset.get("alpha_mask"):
        draft.lost(source.name("masked_loss"), masked, "no folder of masks is named")
    elif masked is not None:
        draft.off(source.name("masked_loss"))
    if "metadata_file" in source and not dataset["folder_path"]:
        dataset["folder_path"] = str(Path(str(source.look("metadata_file"))).parent)


def _one_batch_size(draft: Draft) -> None:
    """A batch size that all datasets share is that of the training."""
    sizes = {dataset.get("batch_size") for dataset in draft.datasets}
    if len(sizes) == 1 and None not in sizes:
        draft.put("train.batch_size", sizes.pop())
        for dataset in draft.datasets:
            dataset.pop("batch_size")
