"""Rules on what becomes of captions on their way to the text encoder."""

from collections.abc import Iterator

from schema.rules.lookup import captions_fixed
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


_AT_EVERY_STEP = ("prompt_dropout_prob", "prompt_saturation_chance")
_OF_CAPTIONS = (
    "use_short_captions", "caption_dropout_rate", "token_dropout_rate", "shuffle_tokens",
    "random_triggers", "replacements",
)  # fmt: skip


@rule(
    RULES,
    "error",
    "train.prompt_dropout_prob",
    "train.cache_text_embeddings",
    "datasets[].cache_text_embeddings",
    "model.arch",
)
def prompts_are_fixed(scope: Scope) -> Iterator[Problem]:
    """Two text encoders lose their prompts apart, but are told the same when told beforehand."""
    fixed, train = captions_fixed(scope), scope.process.train
    if not fixed or train.unload_text_encoder or not train.prompt_dropout_prob:
        return
    if scope.family.can(("second_text_encoder",)):
        message = f"cannot be combined with {fixed}; datasets[].caption_dropout_rate can"
        yield Problem("train.prompt_dropout_prob", message, "0.0")


@rule(
    RULES,
    "warning",
    "train.unload_text_encoder",
    "train.prompt_dropout_prob",
    "train.prompt_saturation_chance",
    *(f"datasets[].{name}" for name in _OF_CAPTIONS),
)
def captions_are_not_read(scope: Scope) -> Iterator[Problem]:
    """The trigger word alone (or nothing) stands for every caption."""
    if not scope.process.train.unload_text_encoder:
        return
    message = "has no effect: train.unload_text_encoder trains without captions"
    for name in _AT_EVERY_STEP:
        if getattr(scope.process.train, name):
            yield Problem(f"train.{name}", message, "0.0")
    for path, dataset in scope.datasets():
        for name in _OF_CAPTIONS if not dataset.cache_text_embeddings else ():
            if value := getattr(dataset, name):
                off = "false" if value is True else "0.0" if isinstance(value, float) else "[]"
                yield Problem(f"{path}.{name}", message, off)


@rule(
    RULES,
    "error",
    "train.short_and_long_captions",
    "train.short_and_long_captions_encoder_split",
    "train.cache_text_embeddings",
    "train.unload_text_encoder",
)
def two_captions_are_fixed(scope: Scope) -> Iterator[Problem]:
    """Beforehand every text encoder is told the same; without captions there are no two."""
    fixed, train = captions_fixed(scope), scope.process.train
    if fixed and train.short_and_long_captions_encoder_split:
        message = f"cannot be combined with {fixed}"
        yield Problem("train.short_and_long_captions_encoder_split", message, "false")
    if train.unload_text_encoder and train.short_and_long_captions:
        message = "cannot be combined with train.unload_text_encoder"
        yield Problem("train.short_and_long_captions", message, "false")


@rule(
    RULES,
    "error",
    "train.short_and_long_captions",
    "train.short_and_long_captions_encoder_split",
)
def two_ways_of_two_captions(scope: Scope) -> Iterator[Problem]:
    """Both captions for all encoders, or one for each."""
    train = scope.process.train
    if train.short_and_long_captions and train.short_and_long_captions_encoder_split:
        message = "cannot be combined with train.short_and_long_captions"
        yield Problem("train.short_and_long_captions_encoder_split", message, "false")


@rule(RULES, "error", "train.unload_text_encoder", "model.arch")
def words_depend_on_the_picture(scope: Scope) -> Iterator[Problem]:
    """Some text encoders look at the control image of the item, so one prompt does not fit all."""
    row = scope.family
    if scope.process.train.unload_text_encoder and row.can(("pictures_in_prompts",)):
        message = f"is not for {row.label}, whose text encoder looks at the control images"
        yield Problem("train.unload_text_encoder", message, "false")
