"""Rules on datasets that need no look at the files."""

import os
from collections import Counter
from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


@rule(RULES, "error", "datasets")
def no_datasets(scope: Scope) -> Iterator[Problem]:
    """A trainer needs something to train on; some sliders bring their own."""
    own = ("slider", "image_reference_slider_trainer", "ultimate_slider_trainer", "rescale_sd")
    if not scope.process.datasets and scope.process.type not in own:
        yield Problem("datasets", "there is no dataset: add one with a folder_path")


@rule(
    RULES,
    "error",
    "datasets[].buckets",
    "datasets[].cache_latents",
    "datasets[].cache_latents_to_disk",
)
def caching_needs_buckets(scope: Scope) -> Iterator[Problem]:
    """Without buckets the crop is not part of a latent's identity."""
    for path, dataset in scope.datasets():
        for name in ("cache_latents", "cache_latents_to_disk"):
            if not dataset.buckets and getattr(dataset, name):
                message = "latents can only be cached with buckets: true"
                yield Problem(f"{path}.{name}", message, "false")


@rule(RULES, "error", "datasets[].buckets", "datasets[].is_reg")
def buckets_for_all_or_none(scope: Scope) -> Iterator[Problem]:
    """Batches are built one way for what is learned, and one way for what is preserved."""
    for kind in (False, True):
        sets = [(path, dataset) for path, dataset in scope.datasets() if dataset.is_reg == kind]
        if len({dataset.buckets for _, dataset in sets}) == 2:
            for path, dataset in sets:
                if not dataset.buckets:
                    message = "buckets must be on or off for all datasets together"
                    yield Problem(f"{path}.buckets", message, "true")


@rule(RULES, "error", "datasets[].resolution", "datasets[].buckets", "train.batch_size")
def one_size_without_buckets(scope: Scope) -> Iterator[Problem]:
    """Pictures of different sizes cannot be stacked into a batch."""
    if scope.process.train.batch_size == 1:
        return
    plain = [(path, d) for path, d in scope.datasets() if not d.buckets]
    sizes = {size for _, dataset in plain for size in dataset.resolutions}
    if len(sizes) > 1:
        path = f"{plain[-1][0]}.resolution"
        message = f"without buckets a batch needs one size, found {_listed(sizes)}"
        yield Problem(path, message, str(max(sizes)))


@rule(RULES, "warning", "datasets[].resolution")
def sizes_given_twice(scope: Scope) -> Iterator[Problem]:
    """A size listed twice is trained twice."""
    for path, dataset in scope.datasets():
        twice = [size for size, n in Counter(dataset.resolutions).items() if n > 1]
        if twice:
            unique = list(dict.fromkeys(dataset.resolutions))
            message = f"{_listed(twice)} is listed more than once and would count double"
            yield Problem(f"{path}.resolution", message, str(unique))


@rule(RULES, "error", "datasets[].bucket_tolerance", "datasets[].resolution")
def bucket_fits_the_size(scope: Scope) -> Iterator[Problem]:
    """A bucket step above the size leaves no bucket."""
    for path, dataset in scope.datasets():
        smallest = min(dataset.resolutions)
        given = scope.given(f"{path}.bucket_tolerance")
        if given and dataset.buckets and dataset.bucket_tolerance > smallest:
            message = f"is above the resolution {smallest}: no bucket fits"
            yield Problem(f"{path}.bucket_tolerance", message, str(scope.family.bucket_step))


@rule(RULES, "error", "datasets[].square_crop", "datasets[].resolution", "model.arch")
def square_fits_the_model(scope: Scope) -> Iterator[Problem]:
    """A square crop is used as it is, so the model's step must divide it."""
    step = scope.family.bucket_step
    for path, dataset in scope.datasets():
        for size in dataset.resolutions if dataset.square_crop or not dataset.buckets else []:
            if size % step:
                message = f"{size} is not a multiple of {step}, which {scope.family.label} needs"
                yield Problem(f"{path}.resolution", message, str(size - size % step))


@rule(RULES, "error", "datasets[].cache_text_embeddings", "train.cache_text_embeddings")
def text_cache_for_all_or_none(scope: Scope) -> Iterator[Problem]:
    """The text encoder is gone after caching, for every dataset."""
    if scope.process.train.cache_text_embeddings:
        return
    answers = {dataset.cache_text_embeddings for _, dataset in scope.datasets()}
    if len(answers) == 2:
        for path, dataset in scope.datasets():
            if not dataset.cache_text_embeddings:
                message = "text embeddings must be cached for all datasets or none"
                yield Problem(f"{path}.cache_text_embeddings", message, "true")


@rule(
    RULES,
    "error",
    "datasets[].shuffle_tokens",
    "datasets[].cache_text_embeddings",
    "train.cache_text_embeddings",
)
def shuffling_a_cached_caption(scope: Scope) -> Iterator[Problem]:
    """A cached caption has one order."""
    for path, dataset in scope.datasets():
        cached = dataset.cache_text_embeddings or scope.process.train.cache_text_embeddings
        if cached and dataset.shuffle_tokens:
            message = "tags cannot be shuffled while text embeddings are cached"
            yield Problem(f"{path}.shuffle_tokens", message, "false")


@rule(
    RULES,
    "hint",
    "datasets[].random_crop",
    "datasets[].cache_latents",
    "datasets[].cache_latents_to_disk",
)
def crop_is_frozen(scope: Scope) -> Iterator[Problem]:
    """A cached latent has one crop."""
    for path, dataset in scope.datasets():
        cached = dataset.cache_latents or dataset.cache_latents_to_disk
        if cached and dataset.random_crop:
            message = "is drawn once when latents are cached, not anew at each step"
            yield Problem(f"{path}.random_crop", message)


@rule(RULES, "warning", "datasets[].num_workers")
def more_workers_than_cores(scope: Scope) -> Iterator[Problem]:
    """Workers beyond the cores take turns."""
    cores = os.cpu_count() or 1
    for path, dataset in scope.datasets():
        given = scope.given(f"{path}.num_workers")
        if given and dataset.num_workers > cores:
            message = f"{dataset.num_workers} workers on {cores} cores take turns"
            yield Problem(f"{path}.num_workers", message, str(cores))


@rule(RULES, "warning", "datasets[].folder_path")
def folder_given_twice(scope: Scope) -> Iterator[Problem]:
    """The same folder in two datasets counts double; num_repeats says so openly."""
    seen: dict[str, str] = {}
    for path, dataset in scope.datasets():
        folder = os.path.normpath(dataset.folder_path)
        if folder in seen:
            message = f"is the folder of {seen[folder]} too, so its images count double"
            yield Problem(f"{path}.folder_path", message)
        seen.setdefault(folder, path)


@rule(RULES, "warning", "datasets[].default_caption", "trigger_word", "datasets[].trigger_word")
def trigger_without_a_word(scope: Scope) -> Iterator[Problem]:
    """`[trigger]` stands for nothing while there is no trigger word."""
    for path, dataset in scope.datasets():
        word = dataset.trigger_word or scope.process.trigger_word
        if not word and "[trigger]" in (dataset.default_caption or ""):
            message = "[trigger] stands for nothing: there is no trigger_word"
            yield Problem(f"{path}.default_caption", message)


def _listed(sizes: set[int] | list[int]) -> str:
    return ", ".join(str(size) for size in sorted(sizes))
