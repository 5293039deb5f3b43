"""What rules ask of a process: values by path, whether latents or captions are made beforehand."""

from typing import Any

from schema.rules.rule import ProcessScope, Scope


def value_at(path: str, scope: ProcessScope) -> Any:
    """The typed value at a path of the process; None where a section on the way is absent."""
    value: Any = scope.process
    for part in path.split("."):
        name, _, index = part.partition("[")
        value = getattr(value, name, None)
        if index and value is not None:
            value = value[int(index.rstrip("]"))]
    return value


def in_datasets(name: str, scope: Scope) -> list[Any]:
    """The values of an option of `datasets:`, one a dataset."""
    return [getattr(dataset, name, None) for _, dataset in scope.datasets()]


def caches_latents(scope: Scope) -> bool:
    """Whether images are encoded once, so that their pixels are not there while training."""
    return any(d.cache_latents or d.cache_latents_to_disk for _, d in scope.datasets())


def captions_fixed(scope: Scope) -> str | None:
    """The option that encodes captions before training, so that their text cannot change."""
    train = scope.process.train
    if train.unload_text_encoder:
        return "train.unload_text_encoder"
    if train.cache_text_embeddings or any(in_datasets("cache_text_embeddings", scope)):
        return "train.cache_text_embeddings"
    return None


def can_switch_off(scope: Scope) -> bool:
    """Whether there is a network or adapter without which the model can be asked."""
    return scope.process.network is not None or value_at("adapter", scope) is not None


def trains_refiner(scope: Scope) -> bool:
    """Whether a full fine-tune changes a refiner, beside its base or alone."""
    asked = scope.process.model.refiner_name_or_path and scope.process.train.train_refiner
    return bool(asked) and scope.process.fine_tunes and scope.family.can(("refiner",))


def is_flow(scope: Scope) -> bool:
    """Whether the model is trained by flow matching."""
    return scope.family.can(("flow",))
