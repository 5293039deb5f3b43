"""Rules on a dataset's captions: tags, random words, replacements, short captions."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.datasets import Dataset

RULES: list[Rule] = []


@rule(
    RULES,
    "error",
    "datasets[].token_dropout_rate",
    "datasets[].random_triggers",
    "datasets[].cache_text_embeddings",
    "train.cache_text_embeddings",
)
def changing_a_cached_caption(scope: Scope) -> Iterator[Problem]:
    """A cached caption is one text, the same at every step."""
    for path, dataset in scope.datasets():
        if not (dataset.cache_text_embeddings or scope.process.train.cache_text_embeddings):
            continue
        for name, off in (("token_dropout_rate", "0.0"), ("random_triggers", "[]")):
            if getattr(dataset, name):
                message = "changes captions at every step, and text embeddings are cached"
                yield Problem(f"{path}.{name}", message, off)


@rule(RULES, "error", "datasets[].random_triggers_max", "datasets[].random_triggers")
def more_words_than_there_are(scope: Scope) -> Iterator[Problem]:
    """Different words are drawn, so there must be enough of them."""
    for path, dataset in scope.datasets():
        words = dataset.random_triggers
        if isinstance(words, list) and words and dataset.random_triggers_max > len(words):
            message = f"{dataset.random_triggers_max} is above the {len(words)} random_triggers"
            yield Problem(f"{path}.random_triggers_max", message, str(len(words)))


@rule(RULES, "error", "datasets[].random_triggers")
def blank_words(scope: Scope) -> Iterator[Problem]:
    """A blank word would leave a lone comma behind."""
    for path, dataset in scope.datasets():
        words = dataset.random_triggers
        for index, word in enumerate(words if isinstance(words, list) else []):
            if not word.strip():
                yield Problem(f"{path}.random_triggers[{index}]", "is blank")


@rule(RULES, "error", "datasets[].replacements")
def replacement_without_a_bar(scope: Scope) -> Iterator[Problem]:
    """from|to, with something to look for."""
    for path, dataset in scope.datasets():
        for index, text in enumerate(dataset.replacements):
            searched, bar, _ = text.partition("|")
            if not bar or not searched:
                message = f"'{text}' is not of the form from|to"
                yield Problem(f"{path}.replacements[{index}]", message)


@rule(
    RULES,
    "warning",
    "datasets[].use_short_captions",
    "datasets[].caption_ext",
    "train.short_and_long_captions",
    "train.short_and_long_captions_encoder_split",
)
def no_short_captions(scope: Scope) -> Iterator[Problem]:
    """Short captions stand in JSON files alone."""
    train = scope.process.train
    names = ("short_and_long_captions", "short_and_long_captions_encoder_split")
    option = next((f"train.{name}" for name in names if getattr(train, name)), None)
    for path, dataset in scope.datasets():
        if reads_json(dataset):
            continue
        if dataset.use_short_captions:
            message = "has no effect: short captions are read from JSON captions (caption_ext)"
            yield Problem(f"{path}.use_short_captions", message, "false")
        elif option and not dataset.default_caption:
            message = f"{option} finds no short captions here: they stand in JSON captions"
            yield Problem(f"{path}.caption_ext", message, ".json")


def reads_json(dataset: Dataset) -> bool:
    """Whether captions come with their other facts: short caption, numbers, boxes."""
    listed = (dataset.dataset_path or "").lower().endswith(".json")
    return listed or dataset.caption_ext.lower().lstrip(".") == "json"
