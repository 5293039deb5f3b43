"""Commands for the `:` line: what can be typed, what completes it, why something is off.

A command gets the text after its name. Views add their own through `View.commands()`; every key
binding is a command too, under its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tui.fuzzy import score


@dataclass(frozen=True)
class Completion:
    """One line of the list: the text that the line becomes, words on it, why it is off."""

    text: str
    words: str = ""
    off: str | None = None


@dataclass(frozen=True)
class Command:
    """`name` typed after the colon; `run` gets the rest of the line.

    `argument` says in a word what is expected (`FILE`); empty: none. `complete` proposes
    arguments for what is typed so far. `off` is the reason why it does nothing right now.
    """

    name: str
    words: str
    run: Callable[[str], object]
    argument: str = ""
    complete: Callable[[str], Iterable[Completion]] | None = None
    aliases: tuple[str, ...] = ()
    key: str = ""
    off: str | None = None


def find(commands: Sequence[Command], line: str) -> tuple[Command | None, str]:
    """The command that a line names, by name or alias, and the rest of the line."""
    name, _, rest = line.strip().partition(" ")
    for command in commands:
        if name == command.name or name in command.aliases:
            return command, rest.strip()
    return None, rest.strip()


def completions(
    commands: Sequence[Command],
    line: str,
    more: Callable[[str], Iterable[Completion]] | None = None,
    limit: int = 40,
) -> list[Completion]:
    """What the line may become, best first; `more` adds what is no command, such as options."""
    name, space, rest = line.lstrip().partition(" ")
    if space:
        command, _ = find(commands, name)
        if command is None or command.complete is None:
            return []
        return [
            Completion(f"{name} {found.text}", found.words, found.off)
            for found in _first(command.complete(rest.lstrip()), limit)
        ]
    return [
        Completion(command.name + (" " if command.argument else ""), _words(command), command.off)
        for command in ranked(commands, name)[:limit]
    ] + (_first(more(name), limit) if more is not None and len(name) > 1 else [])


def ranked(commands: Sequence[Command], query: str) -> list[Command]:
    """Commands that fit the typed letters, best first; names count before words."""
    if not query:
        return list(commands)
    found: list[tuple[float, int, Command]] = []
    for number, command in enumerate(commands):
        names = (command.name, *command.aliases)
        scores = [score(query, name) for name in names]
        by_name = max((s for s in scores if s is not None), default=None)
        exact = 2000.0 if query in names else 0.0
        by_words = score(query, command.words)
        if by_words is not None and by_words < 600:
            by_words = None  # letters scattered over a sentence mean nothing
        best = max(by_name or -1.0, (by_words or -1.0) / 2, exact)
        if by_name is not None or by_words is not None:
            found.append((-best, number, command))
    return [command for _, _, command in sorted(found, key=lambda item: item[:2])]


def _words(command: Command) -> str:
    names = f" (or {', '.join(command.aliases)})" if command.aliases else ""
    return f"{command.words}{names}"


def _first(found: Iterable[Completion], limit: int) -> list[Completion]:
    out: list[Completion] = []
    for one in found:
        out.append(one)
        if len(out) == limit:
            break
    return out
