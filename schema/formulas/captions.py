"""What a caption becomes before it is encoded: trigger words, dropped captions, shuffled tags.

The engine renders captions with these functions and the app previews them. The order is fixed:
raw text, dropout (which replaces everything), shuffling, placeholders, trigger word. Tags are the
parts between commas. Every draw is a function of (seed, step, slot).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from schema.formulas.draws import shuffled, uniform

PLACEHOLDERS = re.compile(r"\[(?:trigger|name)\]")
DROPOUT = "caption dropout"


@dataclass(frozen=True)
class CaptionRules:
    """The caption settings of one dataset; ``trigger`` is the dataset's, else the process's.

    Without ``prefix``, as in regularization sets, the trigger word only fills placeholders.
    ``class_name`` is what the trigger word is one of, where captions of the class are asked for.
    """

    trigger: str | None = None
    dropout_rate: float = 0.0
    shuffle_tokens: bool = False
    keep_tokens: int = 0
    prefix: bool = True
    class_name: str | None = None

    def finished(self, text: str) -> str:
        """A caption with its trigger word."""
        if not self.prefix:
            return fill_placeholders(text, self.trigger)
        return with_trigger(text, self.trigger)

    @property
    def dropped(self) -> str:
        """What is left of a dropped caption."""
        return dropped(self.trigger) if self.prefix else ""

    def of_class(self, text: str) -> str:
        """A finished caption with the class in every place of the trigger word."""
        assert self.class_name is not None, "no class is asked for"
        return text.replace(self.trigger, self.class_name) if self.trigger else text


def fill_placeholders(text: str, trigger: str | None) -> str:
    """``[trigger]`` and ``[name]`` replaced by the trigger word, by nothing without one."""
    return PLACEHOLDERS.sub(lambda _: trigger or "", text)


def with_trigger(text: str, trigger: str | None) -> str:
    """Placeholders filled, and the trigger word put in front of a caption that lacks it.

    "Lacks" is a plain search that minds upper and lower case: ``sks`` is found in ``sksdog``.
    """
    text = fill_placeholders(text, trigger)
    if not trigger or not trigger.strip() or trigger in text:
        return text
    return f"{trigger} {text}".strip()


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


def render(raw: str, rules: CaptionRules, seed: int, step: int, slot: int) -> str:
    """The caption that sample ``slot`` of a step is trained with.

    A prefixed trigger word stays in front of everything, also when tags are shuffled. Without
    shuffling the text keeps its own commas and spaces.
    """
    if is_dropped(rules, seed, step, slot):
        return rules.dropped
    if rules.shuffle_tokens:
        raw = shuffle_tags(raw, rules.keep_tokens, seed, step, slot)
    return rules.finished(raw)
