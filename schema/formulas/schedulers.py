"""The two kinds of training noise among the names of `train.noise_scheduler`, and their spacing."""

from typing import Final

EXPLODING: Final = frozenset(
    {"euler", "k_euler", "euler_a", "lms", "k_lms", "heun", "dpm_2", "dpm_2_a"}
)
"""Names of the process in which the noise grows and the signal stays; the others of alpha-bar
models let the signal shrink.
"""

FLOWING: Final = frozenset({"flowmatch", "mean_flow"})
"""Names of straight paths from picture to noise."""


def is_karras(name: str) -> bool:
    """Whether the levels are spaced after Karras: all names that begin with k_."""
    return name.startswith("k_")
