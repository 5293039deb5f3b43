"""The passes before training that encode every picture and every caption once.

Decoding runs ahead in threads; encoding happens here, one at a time, so that what is stored does
not depend on what else was encoded with it. Progress is reported after each item; the report may
raise to cancel, and what is on disk by then is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from engine.data.cache import (
    TextTable,
    Warn,
    file_hash,
    latent_file,
    latent_key,
    read_tensors,
    text_file,
    text_key,
    weights_identity,
    write_tensors,
)
from engine.data.images import load_pixels
from engine.data.items import Item
from engine.data.sources import raise_all
from engine.errors import DataError
from engine.families.base import Conditioning, Family

Progress = Callable[[str, int, int], None]
WAITING = 2  # decoded pictures that wait for the encoder, beside one for each thread
MOST_THREADS = 6  # where nobody says how many


class Latents:
    """Cached latents by item: in memory where the dataset says so, else read from disk."""

    def __init__(self) -> None:
        self._memory: dict[str, Tensor] = {}
        self._file: dict[str, Path] = {}
        self._key: dict[int, str] = {}
        self._draw: dict[str, int] = {}

    def __contains__(self, item: Item) -> bool:
        return item.index in self._key

    def get(self, item: Item) -> Tensor:
        """One item's float32 latents, without batch axis. Raises DataError if its file is gone."""
        key = self._key[item.index]
        found = self._memory.get(key)
        if found is None:
            tensors = read_tensors(self._file[key])
            if tensors is None:
                raise DataError(f"The cached latents {self._file[key]} are gone or damaged.")
            found = tensors["latent"]
        return found

    def fill(self, items: Sequence[Item], family: Family, report: Progress, warn: Warn) -> None:
        """Encode what is neither in memory nor on disk."""
        wanted = [item for item in items if item.group.caches_latents]
        if not wanted:
            return
        family.load_vae()
        vae = family.vae
        assert vae is not None
        # A label stands for the latent space: who sets it says which caches fit each other.
        label = family.model.latent_space_version
        identity = weights_identity(vae, f"{family.row.arch} {family.dtype}")
        contents = dict.fromkeys(dict.fromkeys(item.picture.path for item in wanted), "")
        for done, path in enumerate(contents, start=1):
            contents[path] = file_hash(path)
            report("reading pictures", done, len(contents))
        for item in wanted:
            content = contents[item.picture.path]
            key = self._key[item.index] = latent_key(item, content, label or identity)
            # A label names files; it draws nothing else.
            self._draw[key] = int(latent_key(item, content, identity)[:15], 16)
        first = {self._key[item.index]: item for item in reversed(wanted)}
        self._encode(dict(reversed(first.items())), family, report, warn)

    def _encode(self, first: dict[str, Item], family: Family, report: Progress, warn: Warn) -> None:
        faults: list[str] = []
        report("caching latents", 0, len(first))
        for done, (key, pixels) in enumerate(_decoded(first), start=1):
            item = first[key]
            if isinstance(pixels, DataError):
                faults.append(pixels.message)
            else:
                self._keep(key, item, pixels, family, warn)
            report("caching latents", done, len(first))
        raise_all(faults, Path(next(iter(first.values())).group.dataset.folder_path))

    def _keep(
        self, key: str, item: Item, pixels: Tensor | None, family: Family, warn: Warn
    ) -> None:
        """``pixels`` is None when the latents are on disk already."""
        path = latent_file(item, key)
        found = None if pixels is not None else read_tensors(path)
        latents = found["latent"] if found else self._encode_one(key, item, pixels, family)
        self._file[key] = path
        if not found and item.group.dataset.cache_latents_to_disk:
            write_tensors(path, {"latent": latents}, warn)
        if item.group.keeps_latents or not path.exists():
            self._memory[key] = latents

    def _encode_one(self, key: str, item: Item, pixels: Tensor | None, family: Family) -> Tensor:
        """A draw from the posterior that belongs to the picture: the same whatever the seed."""
        if pixels is None:
            pixels = _pixels(item)
        generator = torch.Generator().manual_seed(self._draw[key])
        return family.encode_images(pixels[None], [generator])[0].float().cpu()


def _pixels(item: Item) -> Tensor:
    return load_pixels(
        item.picture.path,
        item.plan,
        item.offset(0, 0, 0),
        flip_x=item.flip_x,
        flip_y=item.flip_y,
    )


def _threads(items: Iterable[Item]) -> int:
    """The most that any of their datasets asks for, by its own number or for this machine."""
    usual = min(MOST_THREADS, os.cpu_count() or 1)
    return max(item.group.dataset.cache_latents_num_workers or usual for item in items)


def _decoded(first: dict[str, Item]) -> Iterator[tuple[str, Tensor | DataError | None]]:
    """Pixels in order, decoded by a few threads ahead; None where a cache file exists."""

    def decode(key: str, item: Item) -> Tensor | DataError | None:
        if latent_file(item, key).exists():
            return None
        try:
            return _pixels(item)
        except DataError as fault:
            return fault

    threads = _threads(first.values())
    with ThreadPoolExecutor(threads) as pool:
        rows = iter(first.items())
        waiting: list[tuple[str, Future[Tensor | DataError | None]]] = [
            (key, pool.submit(decode, key, item)) for key, item in islice(rows, threads + WAITING)
        ]
        try:
            while waiting:
                key, future = waiting.pop(0)
                yield key, future.result()
                waiting += [(key, pool.submit(decode, key, item)) for key, item in islice(rows, 1)]
        finally:  # cancelled: do not decode what nobody will look at
            pool.shutdown(cancel_futures=True)


def encode_captions(
    captions: dict[str, Path | None], family: Family, report: Progress, warn: Warn
) -> TextTable:
    """The table of all captions; each maps to the folder that keeps its file, or to None."""
    family.load_text_encoders()
    encoder = ""
    if any(captions.values()):
        modules = family.text_encoders.items()
        kind = f"{family.row.arch} {family.text_identity}".strip()
        parts = [weights_identity(module, f"{name} {kind}") for name, module in modules]
        encoder = "+".join(parts)
    rows: dict[str, Conditioning] = {}
    for done, (caption, folder) in enumerate(captions.items(), start=1):
        path = text_file(folder, text_key(caption, encoder)) if folder else None
        found = read_tensors(path) if path else None
        if found is None:
            with torch.no_grad():
                encoded = family.encode_prompts([caption])
            found = encoded.state()
            if path:
                write_tensors(path, found, warn)
        rows[caption] = Conditioning.from_state(found)
        report("caching captions", done, len(captions))
    return TextTable(rows, family.device)
