"""Ranking of typed words against names: prefix, then start of a word, then inside, then letters."""

from __future__ import annotations


def score(query: str, text: str) -> float | None:
    """How well `query` fits `text` (higher is better), None when its letters are not all there."""
    query, text = query.lower().strip(), text.lower()
    if not query:
        return 0.0
    at = text.find(query)
    if at == 0:
        return 1000.0 - len(text)
    if at > 0:
        return (800.0 if not text[at - 1].isalnum() else 600.0) - at - len(text) / 100
    return _letters(query, text)


def _letters(query: str, text: str) -> float | None:
    """Letters in order with gaps; gaps cost, starts of words are free."""
    cost, last = 0.0, -1
    for letter in query:
        if letter == " ":
            continue
        at = text.find(letter, last + 1)
        if at < 0:
            return None
        gap = at - last - 1
        if gap and last >= 0:
            cost += 1 if not text[at - 1].isalnum() else gap
        last = at
    return 300.0 - cost - len(text) / 100 if cost < len(query) * 4 else None
