"""How strongly the network works in a step."""

from __future__ import annotations

from torch import Tensor

from engine.example import Example
from engine.randomness import uniform


class DatasetStrength:
    """The network works at m for the rows of a dataset, forwards and backwards:

        y = W x + b + m * (alpha / r) * B A x

    Rows of the same strength share one number; a mixed batch has one per row.
    """

    def __call__(self, example: Example) -> None:
        """Set the strength of every row; nothing where all of them are 1."""
        weight_B = example.batch.network_weight_B
        if weight_B is None:
            return
        first = float(weight_B[0])  # on the CPU, where batches come from
        same = bool((weight_B == first).all())
        example.strength = first if same else example.kit.accelerator.put(weight_B)


class WeightJitter:
    """Strength m + j, j uniform in -w..w per micro-batch, and the loss times 1 - |j| / w.

    Strongly jittered steps count less. Not on batches with a regularization picture.
    """

    def __init__(self, width: float) -> None:
        self._width = width

    def jitter(self, example: Example) -> float:
        """j of this micro-batch."""
        if example.batch.regularizes:
            return 0.0
        drawn = uniform(example.kit.seed, example.number, example.micro, "weight jitter")
        return (2 * drawn - 1) * self._width

    def __call__(self, example: Example) -> None:
        """Turn the network up or down until the backward pass is over."""
        strength = 1.0 if example.strength is None else example.strength
        example.strength = strength + self.jitter(example)

    def weigh(self, example: Example, total: Tensor) -> Tensor:
        """The loss, less the further the strength is from its own."""
        return total * (1 - abs(self.jitter(example)) / self._width)
