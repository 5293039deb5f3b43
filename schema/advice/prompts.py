"""Preview prompts: real captions show what is learned, new scenes show whether it carries over.

DreamBooth (Ruiz 2023) judges a subject by prompts that put it where no training picture had it, and
by prompts without it, which must stay as they were. So: captions first, then the goal's own scenes,
then one prompt without the trigger word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from schema.presets.axes import Goal

LONGEST: Final = 200
"""Characters: CLIP reads 77 tokens, about 300 letters."""
_FLAG: Final = re.compile(r"(?<=\s)--(?=\w)")


def prompts(goal: Goal, captions: Sequence[str], trigger: str | None, count: int = 4) -> list[str]:
    """At most `count` prompts, all different."""
    real = [cleaned(text, trigger) for text in spread(captions, 2)]
    own = [cleaned(text, trigger, own=True) for text in goal.prompts]
    if not real:
        wanted = own
    else:
        wanted = [*real, *own[-2:]] if trigger else [*real, *own[:2]]
    out = list(dict.fromkeys(wanted))[: count - 1 if goal.probe else count]
    if goal.probe and goal.probe not in out:
        out.append(goal.probe)
    return out


def spread(captions: Sequence[str], count: int) -> list[str]:
    """Different captions from short to long, evenly spread, without the extremes."""
    ordered = sorted(dict.fromkeys(captions), key=lambda text: (len(text), text))
    if len(ordered) <= count:
        return ordered
    return [ordered[(2 * i + 1) * len(ordered) // (2 * count)] for i in range(count)]


def cleaned(text: str, trigger: str | None, *, own: bool = False) -> str:
    """A caption as a prompt: nothing in it is taken for a flag or a placeholder of the file.

    The trigger word is written `[trigger]`, so that it may still be changed in one place.
    """
    if own:
        return text if trigger else text.replace("[trigger]", "it")
    text = text.replace("[trigger]", trigger or "")
    text = _FLAG.sub("", text).replace("${", "$ {").replace("[", "(").replace("]", ")")
    if len(text) > LONGEST:
        text = text[:LONGEST].rsplit(" ", 1)[0].rstrip(" ,.;")
    if trigger:
        pattern = re.compile(rf"(?<!\w){re.escape(trigger)}(?!\w)", re.I)
        text = pattern.sub("[trigger]", text)
        if "[trigger]" not in text:
            text = f"[trigger], {text}"
    return text
