"""What the text encoders are told about each picture: from the caption options of a run.

The texts themselves are made by `schema.formulas.captions`; here is who asks for which of them.
What text encoders that are gone by then will be asked for is listed before training (`every`);
options that make texts nobody can list are refused by rules where embeddings are cached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.items import Item
from engine.data.sources import Picture
from engine.errors import ConfigError
from schema.formulas.captions import (
    CaptionRules,
    as_read,
    is_dropped,
    render,
    render_short,
    saturated,
)
from schema.formulas.new_words import NewWords

if TYPE_CHECKING:
    from schema.sections.datasets import Dataset
    from schema.sections.job import TrainerProcess
    from schema.sections.train import Train

Shown = Sequence[tuple[Item, int]]
"""Items with their slots in the step."""


@dataclass(frozen=True)
class Told:
    """The texts of a micro-batch, a row for each item."""

    captions: list[str]
    first: list[str] | None = None  # of the first of two text encoders, where it reads others
    shorts: list[str] | None = None  # with which the items are trained a second time
    class_captions: list[str] | None = None  # with a class for the trigger word, where asked for
    dropped: list[bool] | None = None  # None: none was


class Captions:
    """The caption options of one run."""

    def __init__(self, process: TrainerProcess, *, readers: int, seed: int) -> None:
        """`readers` text encoders may be told different things."""
        self._process, self._train, self._seed = process, process.train, seed
        self._readers = [str(number) for number in range(readers)]
        self._twice = process.train.short_and_long_captions
        self._split = process.train.short_and_long_captions_encoder_split

    def rules(self, dataset: Dataset) -> CaptionRules:
        """What becomes of the captions of a dataset."""
        own, common, train = dataset.trigger_word, self._process.trigger_word, self._train
        trigger = common if own is None else own
        prefix, new = not dataset.is_reg, new_words(self._process)
        name = _class_name(train, dataset)
        if self.ignored(dataset):
            return CaptionRules(trigger, 1.0, prefix=prefix, class_name=name, new_words=new)
        return CaptionRules(
            trigger,
            dataset.caption_dropout_rate,
            dataset.shuffle_tokens,
            dataset.keep_tokens,
            prefix,
            name,
            dataset.token_dropout_rate,
            _random_triggers(dataset),
            dataset.random_triggers_max,
            tuple(_replacement(rule) for rule in dataset.replacements),
            new,
            train.prompt_saturation_chance,
            train.prompt_dropout_prob,
        )

    def ignored(self, dataset: Dataset) -> bool:
        """Whether the trigger word alone (or nothing) stands for every caption."""
        return self._train.unload_text_encoder and not dataset.cache_text_embeddings

    def chosen(
        self, pictures: Iterable[Picture], dataset: Dataset, rules: CaptionRules
    ) -> list[Picture]:
        """The pictures with the caption that counts and a short one, replacements made in both."""
        found = []
        for picture in pictures:
            use_short = dataset.use_short_captions and picture.short is not None
            text = picture.short if use_short else picture.caption
            short = picture.short or dataset.default_caption or picture.caption
            text, short = rules.replaced(text or ""), rules.replaced(short)
            found.append(replace(picture, caption=text, short=short))
        return found

    # -- before training

    def every(self, items: Iterable[Item], beside: Iterable[str]) -> dict[str, Path | None]:
        """Every prompt that can occur, with the folder that keeps its embedding."""
        captions: dict[str, Path | None] = {}
        folder: Path | None = None
        for item in items:
            dataset, rules = item.group.dataset, item.group.rules
            kept = dataset.cache_text_embeddings or self._train.cache_text_embeddings
            folder = Path(dataset.folder_path).expanduser() if kept else None
            texts = self._texts(item)
            if rules.class_name is not None:
                texts += [rules.of_class(text) for text in texts]
            captions |= {text: folder for text in texts if text not in captions}
        for prompt in beside:
            captions.setdefault(prompt, folder)
        return captions

    def _texts(self, item: Item) -> list[str]:
        """What can be told about an item; of two text encoders both are told the same."""
        rules, picture = item.group.rules, item.picture
        texts = [] if self.ignored(item.group.dataset) else [rules.finished(picture.caption)]
        if texts and self._twice and rules.prefix:
            texts.append(rules.finished(picture.short or ""))
        if rules.dropout_rate > 0:
            texts.append(rules.dropped)
        if rules.prefix and rules.saturation > 0:
            texts += [saturated(text) for text in texts]
        if rules.prompt_dropout > 0:
            texts.append("")
        return texts

    # -- while training

    def of(self, shown: Shown, step: int) -> Told:
        """What is told about some items at a step."""
        last = self._readers[-1]
        captions = [self._long(item, step, slot, last) for item, slot in shown]
        dropped = [self._drops(item, step, slot) for item, slot in shown]
        return Told(
            captions,
            self._of_first(shown, step, captions),
            self._shorts(shown, step) if self._twice else None,
            _of_class(shown, captions),
            dropped if any(dropped) else None,
        )

    def _long(self, item: Item, step: int, slot: int, reader: str) -> str:
        rules = item.group.rules
        text = render(item.picture.caption, rules, self._seed, step, slot)
        return as_read(text, rules, self._seed, step, slot, reader)

    def _short(self, item: Item, step: int, slot: int, reader: str) -> str:
        rules = item.group.rules
        text = render_short(item.picture.short or "", rules, self._seed, step, slot)
        return as_read(text, rules, self._seed, step, slot, reader)

    def _of_first(self, shown: Shown, step: int, captions: list[str]) -> list[str] | None:
        """What the first text encoder reads, where that is something else."""
        if len(self._readers) == 1:
            return None
        told = self._short if self._split else self._long
        first = [told(item, step, slot, self._readers[0]) for item, slot in shown]
        return None if first == captions else first

    def _shorts(self, shown: Shown, step: int) -> list[str] | None:
        """Short captions for all, unless a regularization picture is among them."""
        if any(item.group.dataset.is_reg for item, _ in shown):
            return None
        return [self._short(item, step, slot, "short") for item, slot in shown]

    def _drops(self, item: Item, step: int, slot: int) -> bool:
        """Whether the caption was dropped; where captions are not read there is none to drop."""
        if self.ignored(item.group.dataset):
            return False
        return is_dropped(item.group.rules, self._seed, step, slot)


def new_words(process: TrainerProcess) -> NewWords | None:
    """The word that the run teaches the text encoders, if it does."""
    section = process.embedding
    if section is None:
        return None
    return NewWords(section.trigger, section.tokens, section.trigger_class_name)


def _random_triggers(dataset: Dataset) -> tuple[str, ...]:
    """The listed words, or the lines of the file of that name that are not blank.

    Raises ConfigError for a file that is not there and for fewer words than may be drawn.
    """
    given, place = dataset.random_triggers, "datasets[].random_triggers"
    if isinstance(given, str):
        try:
            lines = Path(given).expanduser().read_text("utf-8").splitlines()
        except (OSError, ValueError) as fault:
            raise ConfigError(place, f"{given} cannot be read: {fault}.") from fault
        given = [line for line in lines if line.strip()]
    if given and dataset.random_triggers_max > len(given):
        message = f"{dataset.random_triggers_max} is above the {len(given)} random triggers."
        raise ConfigError("datasets[].random_triggers_max", message)
    return tuple(given)


def _replacement(rule: str) -> tuple[str, str]:
    """from|to, cut at the first bar."""
    searched, _, instead = rule.partition("|")
    return searched, instead


def _class_name(train: Train, dataset: Dataset) -> str | None:
    """What stands for the trigger word in captions of the class; None where nobody asks for them.

    Other trainers write copies of both options into every dataset: those of `train:` count.
    """
    _ = dataset.diff_output_preservation, dataset.diff_output_preservation_class
    return train.diff_output_preservation_class if train.diff_output_preservation else None


def _of_class(shown: Shown, captions: list[str]) -> list[str] | None:
    """The captions with the class for the trigger word; None where nobody asks for them."""
    if shown[0][0].group.rules.class_name is None:
        return None
    return [
        item.group.rules.of_class(text) for (item, _), text in zip(shown, captions, strict=True)
    ]
