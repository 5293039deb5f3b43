"""Rules on what becomes of captions on their way to the text encoder."""

from collections.abc import Iterator

from schema.rules.lookup import captions_fixed, value_at
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


@rule(RULES, "error", "train.cache_text_embeddings", "train.unload_text_encoder")
def embedding_needs_its_text_encoder(scope: Scope) -> Iterator[Problem]:
    """A trained token is looked up by the text encoder at every step."""
    train = scope.process.train
    if value_at("embedding", scope) is None:
        return
    for name in ("cache_text_embeddings", "unload_text_encoder"):
        if getattr(train, name):
            message = "cannot be combined with the section embedding:, which needs it"
            yield Problem(f"train.{name}", message, "false")
