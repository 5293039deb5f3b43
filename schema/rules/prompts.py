"""Rules on learned words and prompts: embedding, decorator and guidance."""

import re
from collections.abc import Iterator
from typing import Final

from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []
_WORD: Final = re.compile(r"\w[\w-]{0,63}")


@rule(
    RULES, "error", "embedding.trigger", "train.unload_text_encoder", "train.cache_text_embeddings"
)
def embedding_needs_the_text_encoder(scope: Scope) -> Iterator[Problem]:
    """New words are learned through the text encoder, at every step."""
    if scope.process.embedding is None:
        return
    message = "cannot be combined with embedding:, whose words go through the text encoder"
    if scope.process.train.unload_text_encoder:
        yield Problem("train.unload_text_encoder", message, "false")
    if scope.process.train.cache_text_embeddings:
        yield Problem("train.cache_text_embeddings", message, "false")
    for path, dataset in scope.datasets():
        if dataset.cache_text_embeddings:
            yield Problem(f"{path}.cache_text_embeddings", message, "false")


@rule(RULES, "error", "embedding.trigger", "model.arch")
def embedding_needs_a_token_table(scope: Scope) -> Iterator[Problem]:
    """Only small text encoders with a table of tokens can learn new words."""
    reason = scope.family.lacks(("trainable_text_encoder",))
    if scope.process.embedding is not None and reason is not None:
        yield Problem("embedding", f"cannot be learned by {scope.family.label}: {reason}")


@rule(RULES, "error", "embedding.save_format", "model.arch")
def old_embedding_format(scope: Scope) -> Iterator[Problem]:
    """The older format holds the vectors of one text encoder."""
    embedding = scope.process.embedding
    if (
        embedding is not None
        and embedding.save_format == "pt"
        and scope.family.can(("second_text_encoder",))
    ):
        message = "pt holds the vectors of one text encoder, and this model has two"
        yield Problem("embedding.save_format", message, "safetensors")


@rule(RULES, "error", "embedding.trigger", "adapter.trigger")
def words_are_not_the_same(scope: Scope) -> Iterator[Problem]:
    """Embedding and adapter cannot both own a word."""
    embedding, adapter = scope.process.embedding, scope.process.adapter
    if embedding is None or adapter is None or adapter.type != "clip":
        return
    if embedding.trigger == adapter.trigger:
        message = f"'{adapter.trigger}' is the word of embedding: already"
        yield Problem("adapter.trigger", message)


@rule(RULES, "error", "embedding.trigger")
def a_new_word_is_one_word(scope: Scope) -> Iterator[Problem]:
    """It is one token of the tokenizer and begins file names."""
    embedding = scope.process.embedding
    if embedding is not None and not _WORD.fullmatch(embedding.trigger):
        message = f"'{embedding.trigger}' is not one word of letters, digits, - and _"
        plain = re.sub(r"[^\w-]+", "_", embedding.trigger).strip("_-")
        yield Problem("embedding.trigger", message, plain or None)


@rule(
    RULES, "error", "embedding.trigger", "decorator.num_tokens", "network",
    "train.train_text_encoder", "train.merge_network_on_save",
)  # fmt: skip
def prompts_are_learned_beside(scope: Scope) -> Iterator[Problem]:
    """Words are learned alone or beside a network, tokens behind prompts alone."""
    process, train = scope.process, scope.process.train
    learned = "embedding" if process.embedding is not None else "decorator"
    if process.embedding is None and process.decorator is None:
        return
    if process.decorator is not None:
        for name in ("network", "embedding"):
            if getattr(process, name) is not None:
                yield Problem("decorator", f"cannot be combined with {name}: in one run")
                return
    if train.merge_network_on_save:
        message = f"cannot be combined with {learned}:, which is no part of a saved model"
        yield Problem("train.merge_network_on_save", message, "false")
    if train.train_text_encoder and process.network is None:
        message = f"needs a network beside {learned}:, which leaves the model as it is"
        yield Problem("train.train_text_encoder", message, "false")


@rule(RULES, "error", "decorator.num_tokens", "model.arch")
def decorator_needs_t5(scope: Scope) -> Iterator[Problem]:
    """The tokens are put behind those of T5, beside the pooled prompt of CLIP."""
    readers = [encoder.name for encoder in scope.family.encoders]
    if scope.process.decorator is not None and readers != ["CLIP-L", "T5-XXL"]:
        message = f"is for prompts read by CLIP-L and T5-XXL, not for {scope.family.label}"
        yield Problem("decorator", message)


@rule(RULES, "error", "guidance.guidance_scale", "network")
def guidance_needs_a_network(scope: Scope) -> Iterator[Problem]:
    """The guided prediction comes from the model without the network."""
    if scope.process.guidance is not None and scope.process.network is None:
        message = "needs a network: the model without it gives the guided prediction"
        yield Problem("guidance", message)


@rule(RULES, "error", "guidance.positive_prompt", "guidance.negative_prompt")
def guidance_has_a_direction(scope: Scope) -> Iterator[Problem]:
    """Equal prompts have no direction between them."""
    guidance = scope.process.guidance
    if guidance is not None and guidance.positive_prompt == guidance.negative_prompt:
        message = "the two prompts are the same, so there is nothing to burn in"
        yield Problem("guidance.positive_prompt", message)


@rule(RULES, "warning", "guidance.guidance_scale")
def guidance_of_zero(scope: Scope) -> Iterator[Problem]:
    """A factor of 0 leaves the prediction as it is."""
    guidance = scope.process.guidance
    if guidance is not None and guidance.guidance_scale == 0:
        yield Problem("guidance.guidance_scale", "0 burns nothing in", "1.0")


@rule(RULES, "error", "guidance.guidance_scale", "datasets[].unconditional_path")
def one_guided_target(scope: Scope) -> Iterator[Problem]:
    """Guidance by prompts and by counterpart pictures each make the target of the loss."""
    if scope.process.guidance is None:
        return
    for path, item in scope.datasets():
        if item.unconditional_path is not None:
            message = "cannot be combined with guidance:, which makes the target itself"
            yield Problem(f"{path}.unconditional_path", message)
