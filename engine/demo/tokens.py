"""Builds the demo's CLIP tokenizer by hand: all bytes, plus the few words of the demo as whole
tokens.

Trained tokenizers differ from process to process (ties are broken in hash order), so the vocabulary
is written out: bytes, bytes that end a word, then for each word the merges that build it from left
to right, long words first: a merge of "and" must not take letters out of "triangle". Any other
text, the trigger word among it, still becomes tokens, letter by letter.
"""

from typing import Any

from engine.demo.pictures import COLOURS, POSITIONS, SHAPES

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"

WORDS = {"a", "an", "the", "and", "of", "picture", *COLOURS, *SHAPES} | {
    word for position in POSITIONS for word in position.split()
}
"""Words that are one token each."""


def byte_letters() -> list[str]:
    """Return the 256 printable letters that stand for bytes in GPT-2's and CLIP's vocabularies, in
    byte order.

    Source: `bytes_to_unicode` in OpenAI's CLIP, `simple_tokenizer.py`.
    """
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return token -> id and the merges in order. The two special tokens come last: CLIP finds the
    end by highest id.
    """
    letters = byte_letters()
    tokens = {
        token: index for index, token in enumerate([*letters, *(b + WORD_END for b in letters)])
    }
    merges: list[tuple[str, str]] = []
    for word in sorted(WORDS, key=lambda word: (-len(word), word)):
        left = word[0] if len(word) > 1 else word + WORD_END
        for place, letter in enumerate(word[1:], start=2):
            right = letter + (WORD_END if place == len(word) else "")
            if left + right not in tokens:
                tokens[left + right] = len(tokens)
                merges.append((left, right))
            left += right
    for special in (START, END):
        tokens[special] = len(tokens)
    return tokens, merges


def new_tokenizer() -> Any:
    """Return the CLIPTokenizer of the vocabulary, 77 tokens a prompt, padded with the end token."""
    from transformers import CLIPTokenizer  # slow to import, and only the factory needs it

    tokens, merges = vocabulary()
    return CLIPTokenizer(vocab=tokens, merges=merges, model_max_length=77, pad_token=END)
