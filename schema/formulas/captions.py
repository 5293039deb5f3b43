"""What a caption becomes before it is encoded: trigger words, dropped captions, tags, repetition.

The engine renders captions with these functions and the app previews them. The order is fixed: raw
text, replacements, dropout (which replaces everything), tags left out, placeholders and trigger
word, random trigger words, shuffling, learned words; then, right before encoding, repetition and
the empty prompt. Tags are the parts between commas. Every draw is a function of (seed, step, slot).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from schema.formulas.draws import integer, shuffled, uniform
from schema.formulas.new_words import NewWords

PLACEHOLDERS = re.compile(r"\[(?:trigger|name)\]")
DROPOUT = "caption dropout"
FULL = 77  # words; as many tokens as CLIP reads


@dataclass(frozen=True)
class CaptionRules:
    """The caption settings of one dataset; ``trigger`` is the dataset's, else the process's.

    Without ``prefix``, as in regularization sets, the trigger word only fills placeholders.
    ``class_name`` is what the trigger word is one of, where captions of the class are asked for.
    ``new_words`` are learned by the run, and take the trigger word's place where there is none.
    """

    trigger: str | None = None
    dropout_rate: float = 0.0
    shuffle_tokens: bool = False
    keep_tokens: int = 0
    prefix: bool = True
    class_name: str | None = None
    tag_dropout: float = 0.0
    random_triggers: tuple[str, ...] = ()
    random_triggers_max: int = 1
    replacements: tuple[tuple[str, str], ...] = ()
    new_words: NewWords | None = None
    saturation: float = 0.0
    prompt_dropout: float = 0.0

    def replaced(self, text: str) -> str:
        """A caption as read, with every replacement made in order."""
        for searched, instead in self.replacements:
            text = text.replace(searched, instead)
        return text

    def finished(self, text: str) -> str:
        """A caption with its trigger word and the learned words, and nothing drawn."""
        front, text = self._triggered(text)
        return self._with_new_words(f"{front} {text}".strip() if front else text)

    @property
    def dropped(self) -> str:
        """What is left of a dropped caption."""
        return self._with_new_words(dropped(self._trigger) if self.prefix else "")

    def of_class(self, text: str) -> str:
        """A finished caption with the class in every place of the trigger word."""
        assert self.class_name is not None, "no class is asked for"
        return text.replace(self.trigger, self.class_name) if self.trigger else text

    @property
    def _trigger(self) -> str | None:
        new = self.new_words
        return new.trigger if self.trigger is None and new is not None else self.trigger

    def _triggered(self, text: str) -> tuple[str, str]:
        """The trigger word that has to be put in front, or nothing; the text with placeholders
        filled.
        """
        text, trigger = fill_placeholders(text, self._trigger), self._trigger
        lacks = self.prefix and trigger and trigger.strip() and trigger not in text
        return (trigger or "").strip() if lacks else "", text

    def _with_new_words(self, text: str) -> str:
        new = self.new_words
        return text if new is None or not self.prefix else new.in_front_of(text)

    def with_draws(self, text: str, seed: int, step: int, slot: int) -> str:
        """The same with random trigger words and the tags in another order.

        A trigger word that was put in front stays there, with the first tag or alone.
        """
        front, text = self._triggered(text)
        words = random_words(self.random_triggers, self.random_triggers_max, seed, step, slot)
        joint = " " if text.strip() else ", "
        if self.shuffle_tokens:
            text = shuffle_tags(", ".join([text, *words]), self.keep_tokens, seed, step, slot)
        text = joint.join([front, text]) if front and text.strip() else front or text
        if words and not self.shuffle_tokens:
            text = ", ".join([text, *words] if text else words)
        return self._with_new_words(text)


def fill_placeholders(text: str, trigger: str | None) -> str:
    """``[trigger]`` and ``[name]`` replaced by the trigger word, by nothing without one."""
    return PLACEHOLDERS.sub(lambda _: trigger or "", text)


def with_trigger(text: str, trigger: str | None) -> str:
    """Placeholders filled, and the trigger word put in front of a caption that lacks it.

    "Lacks" is a plain search that minds upper and lower case: ``sks`` is found in ``sksdog``.
    """
    return CaptionRules(trigger).finished(text)


def dropped(trigger: str | None) -> str:
    """What is left of a dropped caption: the trigger word alone, or nothing."""
    return (trigger or "").strip()


def is_dropped(rules: CaptionRules, seed: int, step: int, slot: int) -> bool:
    """Whether the caption of this sample is dropped. A rate of 1 drops all, 0 none."""
    return rules.dropout_rate > 0 and uniform(seed, step, slot, DROPOUT) < rules.dropout_rate


def split_tags(text: str) -> list[str]:
    """The parts between commas, trimmed, without empty ones."""
    return [tag for tag in (part.strip() for part in text.split(",")) if tag]


def shuffle_tags(text: str, keep: int, seed: int, step: int, slot: int) -> str:
    """The first ``keep`` tags in place, the others in a random order, joined by ", "."""
    tags = split_tags(text)
    return ", ".join(tags[:keep] + shuffled(seed, step, f"tags {slot}", tags[keep:]))


def drop_tags(text: str, keep: int, rate: float, seed: int, step: int, slot: int) -> str:
    """The first ``keep`` tags and those that a draw spares, each with a chance of 1 - rate."""
    return ", ".join(
        tag
        for place, tag in enumerate(split_tags(text))
        if place < keep or uniform(seed, step, slot, f"tag dropout {place}") >= rate
    )


def random_words(words: Sequence[str], most: int, seed: int, step: int, slot: int) -> list[str]:
    """n different ones of ``words``: n = ``most`` up to 1, else 0 to ``most``, equally likely."""
    if not words:
        return []
    count = most if most < 2 else integer(seed, step, slot, "random trigger count", 0, most)
    return shuffled(seed, step, f"random triggers {slot}", words)[:count]


def render(raw: str, rules: CaptionRules, seed: int, step: int, slot: int) -> str:
    """The caption that sample ``slot`` of a step is trained with; ``raw`` has its replacements.

    Without tag options the text keeps its own commas and spaces.
    """
    if is_dropped(rules, seed, step, slot):
        return rules.dropped
    if rules.tag_dropout > 0:
        raw = drop_tags(raw, rules.keep_tokens, rules.tag_dropout, seed, step, slot)
    return rules.with_draws(raw, seed, step, slot)


def render_short(raw: str, rules: CaptionRules, seed: int, step: int, slot: int) -> str:
    """The short caption beside it: never dropped, and no tag of it is left out."""
    return rules.with_draws(raw, seed, step, slot)


def saturated(text: str) -> str:
    """A prompt of n < 77 words 77 // n + 1 times, joined by ", "; the empty one as it is."""
    count = len(text.split())
    return ", ".join([text] * (FULL // count + 1)) if 0 < count < FULL else text


def as_read(text: str, rules: CaptionRules, seed: int, step: int, slot: int, reader: str) -> str:
    """What a text encoder is given in the place of a rendered caption.

    Repeated with one chance, in regularization sets never; empty with another, which is drawn
    afresh for each ``reader``.
    """
    if rules.prefix and rules.saturation > 0:
        drawn = uniform(seed, step, slot, "prompt saturation")
        text = saturated(text) if drawn < rules.saturation else text
    if rules.prompt_dropout > 0:
        drawn = uniform(seed, step, slot, f"prompt dropout {reader}")
        text = "" if drawn < rules.prompt_dropout else text
    return text
