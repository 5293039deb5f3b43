"""Loss weights by signal-to-noise ratio.

Hang et al. 2023, "Efficient Diffusion Training via Min-SNR Weighting Strategy": a step with little
noise is easy and counts for less. The weight is the same for v-prediction, as the reference trainer
has it.
"""

from __future__ import annotations


def min_snr_weight(snr: float, gamma: float) -> float:
    """min(gamma / SNR, 1); 1 where there is no signal at all."""
    return 1.0 if snr <= gamma else gamma / snr
