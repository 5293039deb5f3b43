"""Textual inversion: new words whose vectors in the text encoders' token tables are trained.

A word of n vectors is n new tokens of every CLIP tokenizer; its rows are a parameter of their own
that the lookup is spliced with, so that the optimizer's memory is small and neither weight decay
nor rounding can touch an old row. Gal et al. 2022.

Prompts name the word once; the tokenizer spells it out, as diffusers' pipelines do.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.families.base import Family
from engine.networks import load_exactly
from engine.networks.files import write_lora
from schema.atomic import write_atomic
from schema.formulas.new_words import NewWords

GROUP = "embedding"
FILLER = "*"
PLACEHOLDER = {FILLER: 265}  # what the older format calls its token, and that token in CLIP
ALONE, OF_TWO = ("emb_params",), ("clip_l", "clip_g")
"""Names of the vectors in files of models with one text encoder and with two."""
OLD_EOS = 2  # in configs from before transformers 4.32; such encoders pool at their largest token


class WordTable(nn.Module):
    """A frozen token table with further rows, float32, that are trained."""

    def __init__(self, table: nn.Module, rows: Tensor, first: int) -> None:
        """`first` is the number of the first new token; `rows` is (n, C)."""
        super().__init__()
        self.table, self.first = table, first
        self.rows = nn.Parameter(rows)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, N) token numbers to (B, N, C), in the table's dtype."""
        new = ids >= self.first
        known: Tensor = self.table(ids.masked_fill(new, 0))
        learned = F.embedding((ids - self.first).clamp(0, len(self.rows) - 1), self.rows)
        return torch.where(new[..., None], learned.to(known.dtype), known)


class SpellingTokenizer:
    """A tokenizer that spells new words out before it looks them up."""

    def __init__(self, tokenizer: Any, words: NewWords) -> None:
        self._tokenizer, self._words = tokenizer, words

    def __call__(self, texts: str | list[str], **options: Any) -> Any:
        """The tokens of a text or of several."""
        spell = self._words.spelled_out
        spelled = spell(texts) if isinstance(texts, str) else [spell(text) for text in texts]
        return self._tokenizer(spelled, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)


class LearnedWords:
    """The rows of one new word in every CLIP text encoder of a model."""

    def __init__(
        self, family: Family, words: NewWords, init_words: str, save_format: str, run: str
    ) -> None:
        """Teach the loaded text encoders the word; its rows start as those of `init_words`.

        `run` is what the names of weights files begin with, in whose place the word will stand.
        Raises ConfigError for a word that a tokenizer already knows.
        """
        self.words, self._format, self._run = words, save_format, run
        self._rows: dict[str, nn.Parameter] = {}
        for name, (encoder, tokenizer) in family.clip_encoders.items():
            self._rows[name] = _teach(encoder, tokenizer, words, init_words)
            family.set_tokenizer(name, SpellingTokenizer(tokenizer, words))
        assert self._rows, "a rule refuses models without a CLIP text encoder"
        self.groups = {GROUP: {f"{name}.{words.trigger}": p for name, p in self._rows.items()}}
        self.uses_dropout = False

    def state_dict(self) -> dict[str, Tensor]:
        """The rows (n, C) by `<text encoder>.<word>`."""
        return {name: rows.detach() for name, rows in self.groups[GROUP].items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy rows in; raises ValueError when they are another word's."""
        load_exactly(self.groups[GROUP], state)

    def save(self, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]) -> list[Path]:
        """One file called after the word, with the step of `path`."""
        ending = path.stem.removeprefix(self._run)
        path = path.with_name(f"{self.words.trigger}{ending}.{self._format}")
        names = ALONE if len(self._rows) == 1 else OF_TWO
        rows = [rows.detach() for rows in self._rows.values()]
        tensors = dict(zip(names, rows, strict=True))
        about = {"name": self.words.trigger, "step": int(ending.lstrip("_") or _step_in(metadata))}
        if self._format == "pt":
            vectors = rows[0].to(dtype).cpu().clone()
            content = {"string_to_token": PLACEHOLDER, "string_to_param": {FILLER: vectors}}
            nobody = {"sd_checkpoint": None, "sd_checkpoint_name": None}
            _write_pt(path, content | about | nobody)
        else:
            own = {"string_to_token": json.dumps(PLACEHOLDER)}
            own |= {name: str(value) for name, value in about.items()}
            write_lora(path, tensors, dtype, {**metadata, **own})
        return [path]

    @contextlib.contextmanager
    def scaled(self, multiplier: float | Tensor) -> Iterator[None]:
        """Nothing to scale: a prompt has the word or it has not."""
        del multiplier
        yield

    def off(self) -> AbstractContextManager[None]:
        """The untrained model is told other prompts (`Example.told_before`); nothing to turn."""
        return contextlib.nullcontext()


def _teach(encoder: Any, tokenizer: Any, words: NewWords, init_words: str) -> nn.Parameter:
    """Add the tokens to a tokenizer and their rows to its text encoder."""
    known = tokenizer.get_vocab()
    old = [t for t in words.tokens if {t, t.lower(), f"{t.lower()}</w>"} & known.keys()]
    first = len(tokenizer)
    if old or tokenizer.add_tokens(words.tokens) != words.count:
        raise ConfigError(
            "embedding.trigger",
            f"the text encoder knows '{old[0] if old else words.trigger}' already.",
            repair="Choose a word that nobody uses.",
        )
    embeddings = _embeddings(encoder)
    table = embeddings.token_embedding
    start = _start_ids(tokenizer, words.count, init_words)
    rows = table.weight.detach()[torch.tensor(start, device=table.weight.device)].float()
    embeddings.token_embedding = WordTable(table, rows, first)
    for module in encoder.modules():
        # The largest token number would be one of the new ones.
        if getattr(module, "eos_token_id", None) == OLD_EOS:
            module.eos_token_id = tokenizer.eos_token_id
    return embeddings.token_embedding.rows


def _start_ids(tokenizer: Any, count: int, init_words: str) -> list[int]:
    """The first `count` tokens of the words, filled up with that of `*`."""
    found: list[int] = tokenizer(init_words, add_special_tokens=False).input_ids[:count]
    filler: int = tokenizer(FILLER, add_special_tokens=False).input_ids[0]
    return found + [filler] * (count - len(found))


def _embeddings(encoder: Any) -> Any:
    """Where a CLIP text encoder keeps its token table."""
    return getattr(encoder, "text_model", encoder).embeddings


def _step_in(metadata: Mapping[str, str]) -> int:
    """The step that a file's header tells of; 0 where it tells of none."""
    return int(json.loads(metadata.get("training_info", "{}")).get("step", 0))


def _write_pt(path: Path, content: dict[str, Any]) -> None:
    """The older format, whole or not at all."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomic(path, buffer.getvalue())
