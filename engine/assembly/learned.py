"""What a config trains: the model itself, a network beside it, words or tokens of prompts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.data.captions import new_words
from engine.networks import Trained
from engine.networks.together import BESIDE, Together
from engine.prompts.decorator import Decorator
from engine.prompts.embedding import LearnedWords

if TYPE_CHECKING:
    from engine.families.base import Family
    from schema.sections.job import TrainerProcess


def with_learned_prompts(
    process: TrainerProcess, family: Family, run: str, seed: int, build: Callable[[], Trained]
) -> Trained:
    """`build` makes the network or the whole model, where either is trained; words come after it,
    since a network freezes what it is put on. `run` begins the names of weights files.
    """
    learned = _learned(process, family, run, seed)
    if learned is None:
        return build()
    if process.network is None:
        return learned()
    network = build()
    return Together(network, learned(), run)


def _learned(
    process: TrainerProcess, family: Family, run: str, seed: int
) -> Callable[[], Trained] | None:
    words, section = new_words(process), process.embedding
    if words is not None and section is not None:
        start, kind = section.init_words, section.save_format
        return lambda: LearnedWords(family, words, start, kind, run)
    if process.decorator is not None:
        transformer: Any = family.denoisers[0].module
        count, width = process.decorator.num_tokens, transformer.config.joint_attention_dim
        return lambda: Decorator(count, width, seed, family.device)
    return None


def trigger_of(process: TrainerProcess) -> str | None:
    """What `[trigger]` stands for in prompts of previews: the trigger word, else a learned word."""
    words = new_words(process)
    return words.trigger if process.trigger_word is None and words else process.trigger_word


def numbered_files(process: TrainerProcess, run: str) -> list[tuple[str, str]]:
    """Beginning and ending of the files that are written at every save besides the usual ones."""
    section = process.embedding
    if section is None:
        return []
    words = (section.trigger, f".{section.save_format}")
    return [words] if process.network is None else [words, (run + BESIDE, ".safetensors")]
