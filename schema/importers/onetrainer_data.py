"""OneTrainer's concepts and samples: lists in the config, or in files that it names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from schema.importers.companions import companion
from schema.importers.draft import Draft
from schema.importers.onetrainer_tables import (
    CONCEPT,
    CONCEPT_IMAGE,
    CONCEPT_TEXT,
    DEFAULTS,
    REASONS,
    SAMPLE,
)
from schema.importers.tables import (
    NoEqualError,
    Source,
    follow,
    list_rest,
    number,
    sampler,
    side_of,
    switch,
)

_NEVER: Final = ("name", "seed", "concept_stats")
"""Keys of a concept that say nothing about the training."""


def put_concepts(draft: Draft, source: Source, beside: Path) -> None:
    """A dataset for each concept, of the config or of the file that it names."""
    resolution = _resolution(draft, source)
    buckets = source.read("aspect_ratio_bucketing", switch, True)
    draft.took("resolution", *source.present("resolution"))
    draft.took("buckets", *source.present("aspect_ratio_bucketing"))
    cached = source.read("latent_caching", switch, True)
    draft.took("cache_latents_to_disk", *source.present("latent_caching"))
    shared: dict[str, Any] = {"resolution": resolution, "buckets": buckets}
    shared["cache_latents_to_disk"] = cached and buckets
    concepts, name = source.take("concepts"), source.take("concept_file_name")
    where = "concepts"
    if isinstance(concepts, list) and concepts:
        draft.took("datasets", *source.present("concepts"))
        for unused in source.present("concept_file_name"):
            draft.off(unused)
    elif name is not None:
        concepts, _ = companion(draft, "concept_file_name", name, beside, "the concepts")
        draft.took("datasets", *source.present("concept_file_name", "concepts"))
    else:
        draft.took("datasets", *source.present("concepts"))
    add_concepts(draft, concepts, where, shared)


def add_concepts(draft: Draft, concepts: Any, where: str, shared: Mapping[str, Any]) -> None:
    """A dataset for each concept of a list."""
    for index, concept in enumerate(concepts if isinstance(concepts, list) else []):
        if isinstance(concept, dict):
            _concept(draft, Source(concept, f"{where}[{index}]."), dict(shared))


def _resolution(draft: Draft, source: Source) -> Any:
    """`512`, `512,768` (every picture at both), `512x768` (that area)."""
    value = source.take("resolution", "512")
    try:
        return sizes(draft, source.name("resolution"), value)
    except ValueError:
        draft.lost(source.name("resolution"), value, "neither a size nor sizes")
        return 512


def sizes(draft: Draft, key: str, value: Any) -> int | list[int]:
    """The sizes of a text. Raises ValueError if it holds none."""
    found = []
    for part in str(value).split(","):
        sides = [number(side.strip()) for side in part.lower().split("x")]
        if len(sides) not in (1, 2) or min(sides) <= 0:
            raise NoEqualError("neither a size nor sizes")
        found.append(side_of(sides[0], sides[-1]))
        if sides[0] != sides[-1]:
            words = (
                f"a size stands for an area: {found[-1]} x {found[-1]} is that of {part.strip()}"
            )
            draft.told(key, value, words)
    return found if len(found) > 1 else found[0]


def _concept(draft: Draft, source: Source, dataset: dict[str, Any]) -> None:
    name = source.look("name") or source.look("path") or "a concept"
    kind = source.take("type", "STANDARD")
    if not source.read("enabled", switch, True):
        draft.lost(
            source.name("enabled"), False, f"the concept {name} was switched off and is left out"
        )
        return
    draft.took("datasets", *source.present("enabled", "type"))
    if kind == "VALIDATION":
        reason = f"{name} is left out; see train.validation_config, which takes named pictures"
        draft.lost(source.name("type"), kind, reason)
        return
    if kind == "PRIOR_PREDICTION":
        dataset["prior_reg"] = True
    follow(CONCEPT, source, draft, dataset)
    for key in _NEVER:
        if source.present(key):
            source.take(key)
            draft.off(source.name(key))
    _balance(draft, source, dataset)
    image, text = source.inner("image"), source.inner("text")
    follow(CONCEPT_IMAGE, image, draft, dataset)
    if image.read("enable_resolution_override", switch, False):
        key = image.name("resolution_override")
        try:
            dataset["resolution"] = sizes(draft, key, image.take("resolution_override", "512"))
            draft.took("resolution", key, image.name("enable_resolution_override"))
        except ValueError:
            draft.lost(key, image.look("resolution_override"), "neither a size nor sizes")
    else:
        image.take("resolution_override")
        for key in image.present("enable_resolution_override", "resolution_override"):
            draft.off(key)
    follow(CONCEPT_TEXT, text, draft, dataset)
    _captions(draft, text, dataset)
    for part in (source, image, text):
        list_rest(part, draft, REASONS, DEFAULTS)
    draft.datasets.append(dataset)


def _balance(draft: Draft, source: Source, dataset: dict[str, Any]) -> None:
    balancing, strategy = (
        source.take("balancing", 1.0),
        source.take("balancing_strategy", "REPEATS"),
    )
    whole = isinstance(balancing, int | float) and balancing >= 1 and balancing % 1 == 0
    if strategy == "REPEATS" and whole:
        if balancing != 1:
            dataset["num_repeats"] = int(balancing)
        draft.took("num_repeats", *source.present("balancing", "balancing_strategy"))
        return
    what = "a fixed number of pictures an epoch" if strategy == "SAMPLES" else "not whole"
    draft.lost(source.name("balancing"), balancing, f"{what}; num_repeats is a whole number here")
    draft.took("num_repeats", *source.present("balancing_strategy"))


def _captions(draft: Draft, text: Source, dataset: dict[str, Any]) -> None:
    origin, path = text.take("prompt_source", "sample"), text.take("prompt_path", "")
    draft.took("caption_ext", *text.present("prompt_source", "prompt_path"))
    if origin != "sample":
        reason = "captions come from a file beside each picture here; see default_caption"
        draft.lost(text.name("prompt_source"), f"{origin} {path}".strip(), reason)
    names = ("tag_dropout_enable", "tag_dropout_mode", "tag_dropout_probability")
    on, mode, chance = (text.take(name) for name in names)
    if not on:
        for key in text.present(*names):
            draft.off(key)
    elif mode == "RANDOM":
        dataset["token_dropout_rate"] = chance or 0.0
        draft.took("token_dropout_rate", *text.present(*names))
    elif mode == "FULL" and not dataset.get("keep_tokens"):
        dataset["caption_dropout_rate"] = chance or 0.0
        draft.took("caption_dropout_rate", *text.present(*names))
    else:
        reason = "kept tags stay here when tags are dropped one by one only (token_dropout_rate)"
        draft.lost(text.name("tag_dropout_mode"), mode, reason)
        draft.took("", *text.present(*names))
    if not dataset.get("shuffle_tokens") and not dataset.get("token_dropout_rate"):
        dataset.pop("keep_tokens", None)


def put_samples(draft: Draft, source: Source, beside: Path) -> None:
    """`sample.samples` from the list in the config or the file that it names."""
    samples, name = source.take("samples"), source.take("sample_definition_file_name")
    draft.took("sample.samples", *source.present("samples", "sample_definition_file_name"))
    if not samples and name is not None:
        key = "sample_definition_file_name"
        samples, _ = companion(draft, key, name, beside, "the preview prompts")
    found: list[dict[str, Any]] = []
    samplers: list[str] = []
    for index, item in enumerate(samples if isinstance(samples, list) else []):
        if isinstance(item, dict):
            _sample(draft, Source(item, f"samples[{index}]."), found, samplers)
    if not found:
        return
    draft.put("sample.samples", found)
    for theirs in dict.fromkeys(samplers):
        try:
            draft.imply("sample.sampler", sampler(theirs))
        except ValueError as error:
            draft.lost("samples: noise_scheduler", theirs, str(error))
    if len(set(samplers)) > 1:
        reason = "one sampler draws all previews; the first is taken"
        draft.lost("samples: noise_scheduler", ", ".join(sorted(set(samplers))), reason)


def _sample(draft: Draft, source: Source, found: list[dict[str, Any]], used: list[str]) -> None:
    if not source.read("enabled", switch, True):
        draft.lost(source.name("enabled"), False, "switched off, so it is left out")
        return
    draft.took("sample.samples", *source.present("enabled"))
    sample: dict[str, Any] = {}
    follow(SAMPLE, source, draft, sample)
    if sample.get("num_frames") == 1:
        sample.pop("num_frames")
    if source.take("random_seed"):
        sample["seed"] = -1
    draft.took("seed", *source.present("random_seed"))
    scheduler = source.take("noise_scheduler")
    if scheduler is not None:
        used.append(str(scheduler))
        draft.took("sample.sampler", source.name("noise_scheduler"))
    list_rest(source, draft, REASONS, DEFAULTS)
    if sample.get("prompt") is not None:
        found.append(sample)
