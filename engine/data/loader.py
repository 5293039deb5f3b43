"""Training data as a function: (step, micro-batch) -> batch.

Order, crops, dropped and shuffled captions depend on the seed, the step and the place in the step
alone. Worker threads only fetch ahead what will be asked for next; with any number of them, after
any interruption, the same question gets the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.batch_size import BatchSize
from engine.data.batch import Batch
from engine.data.cache import TextTable, Warn
from engine.data.captions import Captions
from engine.data.companions import Companions
from engine.data.encoding import Latents, Progress, encode_captions
from engine.data.images import load_pixels
from engine.data.items import Group, Item, make_buckets, make_items, sizes_of
from engine.data.order import Order
from engine.data.sources import Picture, read_pictures
from engine.data.stream import Stream, VariedBatches
from engine.data.turns import Turns
from engine.errors import ConfigError
from engine.families.base import Conditioning, Family
from engine.guidance.prompts import fixed_prompts
from schema.formulas.buckets import Size, bucket_table

if TYPE_CHECKING:
    from schema.sections.job import TrainerProcess

Place = tuple[str, str, str | None, bool]
"""What makes two datasets find the same pictures."""


def _silent(phase: str, done: int, total: int) -> None:
    del phase, done, total


class DataSource:
    """The training data of one run. :meth:`prepare` comes first."""

    def __init__(
        self,
        process: TrainerProcess,
        family: Family,
        seed: int,
        sizes: BatchSize | None = None,
    ) -> None:
        """`sizes` chooses the size of every batch; None where it is always the same."""
        if not process.datasets:
            raise ConfigError("datasets", "there is nothing to train on: name an image folder.")
        self._process, self._family, self._seed = process, family, seed
        train = process.train
        self._batch_size, self._micro_batches = train.batch_size, train.gradient_accumulation
        self._sizes = sizes
        self._varied: VariedBatches | None = None
        self._span = self._batch_size if sizes is None else sizes.largest
        self._captions = Captions(process, readers=family.readers, seed=seed)
        self._groups = [
            Group(dataset, resolution, self._captions.rules(dataset))
            for dataset in process.datasets
            for resolution in dataset.resolutions
        ]
        self.items: list[Item] = []
        self._latents = Latents()
        self._text: TextTable | None = None
        self._beside: TextTable | None = None
        self._companions = Companions([], seed, print, controls=False)
        self._order, self._regular = Order([], seed), Order([], seed)
        self._turns = Turns()
        self._workers: ThreadPoolExecutor | None = None
        self._number = self._batches_ahead = self._epoch = 0
        self._restarts = True
        self._ahead: dict[int, Future[Batch]] = {}

    # -- before training

    @property
    def caches_text(self) -> bool:
        """Whether training needs no text encoder: every caption is encoded before."""
        train = self._process.train
        return (
            train.cache_text_embeddings
            or train.unload_text_encoder
            or all(dataset.cache_text_embeddings for dataset in self._process.datasets)
        )

    @property
    def caches_latents(self) -> bool:
        """Whether training needs no VAE: every picture is encoded before."""
        return all(group.caches_latents for group in self._groups)

    @property
    def prompts(self) -> TextTable | None:
        """What was encoded before training: captions and prompts beside them, or these alone."""
        return self._beside if self._text is None else self._text

    @property
    def batches_per_epoch(self) -> int:
        """Micro-batches until every item has been seen once."""
        return self._order.batches_per_epoch

    @property
    def bucket_table(self) -> dict[Size, int]:
        """How many items each training size has."""
        return bucket_table(sizes_of(self.items))

    def prepare(self, report: Progress = _silent, warn: Warn = lambda message: None) -> None:
        """Find the pictures, plan their sizes, encode what is to be cached.

        ``report(phase, done, total)`` is called often and may raise to cancel. Loads the VAE and
        the text encoders where they are needed and leaves them loaded. Raises DataError or
        ConfigError for data that cannot be used, naming all of it.
        """
        pictures = self._find(report)
        chosen = self._captions.chosen
        groups = [
            (group, chosen(pictures[_place(group)], group.dataset, group.rules))
            for group in self._groups
        ]
        self.items = make_items(groups, self._family.size_multiple)
        self._put_in_order()
        assisted = self._process.train.adapter_assist_name_or_path is not None
        self._companions = Companions(self.items, self._seed, warn, controls=assisted)
        self._latents.fill(self.items, self._family, report, warn)
        beside = fixed_prompts(self._process.train, cached=self.caches_text)
        if self.caches_text:
            texts = self._captions.every(self.items, beside)
            self._text = encode_captions(texts, self._family, report, warn)
        elif beside:
            self._beside = encode_captions(dict.fromkeys(beside), self._family, report, warn)
        self._try_each_dataset()
        self._start_workers()

    def _try_each_dataset(self) -> None:
        """One row of each dataset, so that what a batch asks for is asked before training."""
        firsts = {id(item.group): item for item in reversed(self.items)}
        for item in firsts.values():
            self._make(0, [item.index])

    def _put_in_order(self) -> None:
        """A stream of what is learned and, where there are such sets, one of regularization."""
        learned = [item for item in self.items if not item.group.dataset.is_reg]
        regular = [item for item in self.items if item.group.dataset.is_reg]
        if not learned:
            message = "every dataset is a regularization set: there is nothing to learn."
            raise ConfigError("datasets", message)
        size, seed = self._batch_size, self._seed
        self._order = Order(make_buckets(learned, size), seed)
        self._regular = Order(make_buckets(regular, size), seed, "regularization ")
        self._turns = _turns(self._process, bool(regular))
        if self._sizes is not None:
            learn = Stream(make_buckets(learned, size), seed)
            rest = Stream(make_buckets(regular, size), seed, "regularization ") if regular else None
            self._varied = VariedBatches(self._sizes, learn, rest)

    def _find(self, report: Progress) -> dict[Place, list[Picture]]:
        found: dict[Place, list[Picture]] = {}
        for group in self._groups:
            dataset = group.dataset
            if _place(group) not in found:
                found[_place(group)] = read_pictures(
                    Path(dataset.folder_path).expanduser(),
                    dataset.caption_ext,
                    dataset.default_caption,
                    tick=lambda done, total: report("finding pictures", done, total),
                    decoding=lambda done, total: report("decoding pictures", done, total),
                    headers_only=dataset.fast_image_size,
                )
        return found

    def _start_workers(self) -> None:
        datasets = self._process.datasets
        number = max(dataset.num_workers for dataset in datasets)
        self._batches_ahead = number * max(dataset.prefetch_factor for dataset in datasets)
        self._restarts = not any(dataset.persistent_workers for dataset in datasets)
        held = all(group.keeps_latents for group in self._groups) and not self._companions
        # Nobody knows yet how large the batch after the next one will be.
        if number and not held and self._workers is None and self._varied is None:
            self._number = number
            self._workers = self._new_workers(0)

    def _new_workers(self, epoch: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._number, thread_name_prefix=f"data-{epoch}")

    def _renew_workers(self, epoch: int) -> None:
        """Threads of their own for every epoch, unless they shall stay; nothing waits for it."""
        if self._workers is not None and self._restarts and epoch != self._epoch:
            self._workers.shutdown(wait=False)
            self._workers = self._new_workers(epoch)
        self._epoch = epoch

    def close(self) -> None:
        """Let the worker threads go."""
        self._ahead.clear()
        if self._workers is not None:
            self._workers.shutdown(cancel_futures=True)
            self._workers = None

    # -- while training

    def batch(self, step: int, micro: int) -> Batch:
        """Micro-batch ``micro`` (from 0) of step ``step`` (from 1)."""
        index = (step - 1) * self._micro_batches + micro
        if self._workers is None:
            return self._make(index)
        ready = self._ahead.pop(index, None)
        self._fetch_ahead(index + 1)
        return self._make(index) if ready is None else ready.result()

    def state_dict(self) -> dict[str, Any]:
        """Where the data is, if that depends on what came before; empty for most runs."""
        return {} if self._varied is None else self._varied.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        if self._varied is not None and state:
            self._varied.load_state_dict(state)

    def _fetch_ahead(self, start: int) -> None:
        assert self._workers is not None
        wanted = range(start, start + self._batches_ahead)
        for index in [index for index in self._ahead if index not in wanted]:
            self._ahead.pop(index).cancel()
        for index in wanted:
            if index not in self._ahead:
                self._renew_workers(index // max(1, self.batches_per_epoch))
                rows = self._rows(index)
                self._ahead[index] = self._workers.submit(self._make, index, rows)

    def _make(self, index: int, rows: list[int] | None = None) -> Batch:
        step, micro = index // self._micro_batches + 1, index % self._micro_batches
        items = [self.items[row] for row in (self._rows(index) if rows is None else rows)]
        slots = [micro * self._span + place for place in range(len(items))]
        shown = list(zip(items, slots, strict=True))
        told = self._captions.of(shown, step)
        cached = items[0] in self._latents
        batch = Batch(
            captions=told.captions,
            items=[item.index for item in items],
            slots=slots,
            size=items[0].plan.crop,
            latents=torch.stack([self._latents.get(item) for item in items]) if cached else None,
            pixels_BCHW=None if cached else self._pixels(items, step, slots),
            conditioning=self._embedded(told.captions),
            loss_weight_B=_weights(items, "loss_multiplier"),
            network_weight_B=_weights(items, "network_weight"),
            sizes_B6=self._framing(items, step, slots) if self._family.told_sizes else None,
            pictures=[_shown(item) for item in items],
            dropped=told.dropped,
            class_captions=told.class_captions,
            first_captions=told.first,
            control_BCHW=self._companions.controls(shown, step),
            mask_B1HW=self._companions.masks(shown, step),
            regularization=_flags(item.group.dataset.is_reg for item in items),
            prior_reg=_flags(item.group.dataset.prior_reg for item in items),
        )
        if told.shorts is None:
            return batch
        return batch.twice(told.shorts, self._embedded(told.shorts))

    def _embedded(self, captions: list[str]) -> Conditioning | None:
        """The cached embeddings, where there are any."""
        return None if self._text is None else self._text.rows(captions)

    def _framing(self, items: list[Item], step: int, slots: list[int]) -> Tensor:
        """How each picture was framed, (B, 6); see `Family.with_sizes`."""
        rows = []
        for item, slot in zip(items, slots, strict=True):
            width, height = item.picture.size
            left, top = item.offset(self._seed, step, slot)
            across, down = item.plan.crop
            rows.append((height, width, top, left, down, across))
        return torch.tensor(rows)

    def _rows(self, index: int) -> list[int]:
        """The items of the micro-batch ``index``, counted from 0 over the whole run."""
        step, micro = index // self._micro_batches + 1, index % self._micro_batches
        if self._varied is not None:
            return self._varied.rows(step, micro, regular=self._turns.is_regular(step))
        regular = self._turns.before(step)
        if self._turns.is_regular(step):
            return self._regular.batch(regular * self._micro_batches + micro)
        return self._order.batch((step - 1 - regular) * self._micro_batches + micro)

    def _pixels(self, items: list[Item], step: int, slots: list[int]) -> Tensor:
        return torch.stack(
            [
                load_pixels(
                    item.picture.path,
                    item.plan,
                    item.offset(self._seed, step, slot),
                    flip_x=item.flip_x,
                    flip_y=item.flip_y,
                )
                for item, slot in zip(items, slots, strict=True)
            ]
        )


def _place(group: Group) -> Place:
    dataset = group.dataset
    how = (dataset.default_caption, dataset.fast_image_size)
    return dataset.folder_path, dataset.caption_ext, *how


def _turns(process: TrainerProcess, regularizes: bool) -> Turns:
    """Steps that save or make previews are never those of regularization."""
    intervals = [process.save.save_every]
    if not process.train.disable_sampling:
        intervals.append(process.sample.sample_every)
    return Turns(regularizes, tuple({every for every in intervals if every}))


def _flags(rows: Iterable[bool]) -> list[bool] | None:
    """None where no row is flagged."""
    found = list(rows)
    return found if any(found) else None


def _shown(item: Item) -> str:
    """The picture's file and how it is mirrored."""
    return f"{item.picture.path}{'_fx' * item.flip_x}{'_fy' * item.flip_y}"


def _weights(items: list[Item], option: str) -> Tensor | None:
    """Each row's value of its dataset's option; None where all are 1."""
    weights = [getattr(item.group.dataset, option) for item in items]
    return None if all(weight == 1 for weight in weights) else torch.tensor(weights)
