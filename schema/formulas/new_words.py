"""New words that a run teaches the text encoder: their names, and how they stand in prompts.

A word of n vectors is n tokens of the tokenizer, `word`, `word_1`, ... (as diffusers names them
when it loads such a file), and people write the first one only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class NewWords:
    """A learned word of so many vectors; `class_name` is the plain word for its subject."""

    trigger: str
    count: int = 1
    class_name: str | None = None

    @property
    def tokens(self) -> list[str]:
        """The names of its tokens, in order."""
        return [self.trigger, *(f"{self.trigger}_{place}" for place in range(1, self.count))]

    @property
    def spelled(self) -> str:
        """All of them, as they stand in what is encoded."""
        return " ".join(self.tokens)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The word, alone or with companions behind it, but not as a part of another word."""
        word = re.escape(self.trigger)
        return re.compile(rf"(?<!\w){word}(?: {word}_\d+)*(?!\w)", re.IGNORECASE)

    def in_front_of(self, text: str) -> str:
        """A text with the word: in front, where it has none."""
        return text if self._pattern.search(text) else f"{self.trigger} {text}".strip()

    def spelled_out(self, text: str) -> str:
        """Every place of the word with all its tokens."""
        return self._pattern.sub(lambda _: self.spelled, text)

    def taken_from(self, text: str) -> str:
        """A text for a model that never learned the word: the plain one in its place, or none."""
        return self._pattern.sub(lambda _: self.class_name or "", text).strip()
