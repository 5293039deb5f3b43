"""Where a training crop lies inside the resized picture.

The centre by default; with random crops an offset that is a function of its keys alone. Pictures
whose latents are cached are cropped once and for all, keyed by file name and repeat, so that the
cache stays valid from run to run; others are cropped anew each time they are seen.
"""

from __future__ import annotations

import hashlib

from schema.formulas.buckets import Plan
from schema.formulas.draws import integer


def center_offset(plan: Plan) -> tuple[int, int]:
    """The left and top edge of the middle crop."""
    across, down = plan.slack
    return across // 2, down // 2


def random_offset(plan: Plan, seed: int, step: int, slot: int) -> tuple[int, int]:
    """A uniform left and top edge for the sample ``slot`` of a training step."""
    across, down = plan.slack
    return (
        integer(seed, step, slot, "crop x", 0, across),
        integer(seed, step, slot, "crop y", 0, down),
    )


def frozen_offset(plan: Plan, file_name: str, repeat: int) -> tuple[int, int]:
    """A uniform offset that belongs to a file and its repeat, whatever the run's seed."""
    digest = hashlib.blake2b(file_name.encode("utf-8", "surrogateescape"), digest_size=7).digest()
    return random_offset(plan, int.from_bytes(digest, "little"), 0, repeat)
