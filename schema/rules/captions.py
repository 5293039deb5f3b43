"""Rules on what becomes of captions on their way to the text encoder."""

from collections.abc import Iterator

from schema.rules.lookup import captions_fixed
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


@rule(
    RULES,
    "warning",
    "train.prompt_dropout_prob",
    "train.prompt_saturation_chance",
    "train.cache_text_embeddings",
    "train.unload_text_encoder",
)
def prompts_are_fixed(scope: Scope) -> Iterator[Problem]:
    """Prompts that were encoded before training cannot change."""
    train = scope.process.train
    fixed = captions_fixed(scope)
    if fixed is None:
        return
    if train.prompt_dropout_prob:
        message = f"has no effect with {fixed}; datasets[].caption_dropout_rate has"
        yield Problem("train.prompt_dropout_prob", message, "0.0")
    if train.prompt_saturation_chance:
        yield Problem("train.prompt_saturation_chance", f"has no effect with {fixed}", "0.0")


@rule(
    RULES,
    "error",
    "train.short_and_long_captions",
    "train.short_and_long_captions_encoder_split",
    "train.cache_text_embeddings",
    "train.unload_text_encoder",
)
def two_captions_are_fixed(scope: Scope) -> Iterator[Problem]:
    """Only one caption an image is encoded beforehand."""
    fixed = captions_fixed(scope)
    for name in ("short_and_long_captions", "short_and_long_captions_encoder_split"):
        if fixed and getattr(scope.process.train, name):
            yield Problem(f"train.{name}", f"cannot be combined with {fixed}", "false")


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
