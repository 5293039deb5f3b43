"""From epochs to steps: pictures are counted where the folders are on this machine."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema.dataset_scan import find_images
from schema.importers.draft import Draft

NOT_HERE = "counts epochs, and the pictures to count steps from are not on this machine"


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch's length in optimizer steps, and how it was found."""

    steps: int
    words: str

    def of(self, epochs: float) -> int:
        """So many epochs, in steps, at least one."""
        return max(1, round(self.steps * epochs))


def epoch_of(draft: Draft, beside: Path, *, mirrored: bool = False) -> Epoch | None:
    """The length of an epoch of the datasets of a draft; None where a folder is missing or empty.

    `mirrored`: regularization pictures are repeated to as many as the others (kohya).
    """
    batch = draft.get("train.batch_size", 1)
    together = draft.get("train.gradient_accumulation", 1)
    if not _counts(batch) or not _counts(together):
        return None
    pictures = 0
    regularized = False
    for dataset in draft.datasets:
        if dataset.get("is_reg"):
            regularized = True
            continue
        found = _pictures(dataset, beside)
        if found is None:
            return None
        pictures += found
    if not pictures:
        return None
    shown = pictures * 2 if mirrored and regularized else pictures
    steps = max(1, math.ceil(math.ceil(shown / batch) / together))
    about = "about " if batch > 1 else ""
    words = f"an epoch of {shown} pictures in batches of {batch} is {about}{steps} steps"
    return Epoch(steps, words if together == 1 else f"{words} with accumulation {together}")


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _pictures(dataset: dict[str, Any], beside: Path) -> int | None:
    folder = nearby(dataset.get("folder_path"), beside, folder=True)
    if folder is None:
        return None
    sizes = dataset.get("resolution")
    times = len(sizes) if isinstance(sizes, list) else 1
    repeats = dataset.get("num_repeats", 1)
    return len(find_images(folder).images) * times * (repeats if _counts(repeats) else 1)


def nearby(name: Any, beside: Path, *, folder: bool = False) -> Path | None:
    """A file or folder as named: from the working folder, beside the config, or above that."""
    if not isinstance(name, str) or not name or "\0" in name:
        return None
    path = Path(name)
    try:
        path = path.expanduser()
        places = [path, beside / path, *(parent / path for parent in beside.resolve().parents)]
        for place in places:
            if place.is_dir() if folder else place.is_file():
                return place
    except (OSError, RuntimeError):
        return None  # a name that this system cannot even look for
    return None


def put_steps(draft: Draft, key: str, epochs: float, epoch: Epoch | None, path: str) -> bool:
    """Write a count of epochs in steps at `path`, told; or list it. True if it was written."""
    if epoch is None:
        draft.lost(key, epochs, f"{NOT_HERE}; set {path}")
        return False
    draft.put(path, epoch.of(epochs))
    draft.told(key, epochs, f"{path} is {epoch.of(epochs)}: {epoch.words}")
    return True
