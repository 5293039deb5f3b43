"""The exponential moving average of the trained weights.

a <- a + (1 - decay)(w - a) after every update, in float32, without bias correction. Saves and
previews use the average, training the raw weights; both go into a checkpoint, so that a resumed run
continues from the raw ones. With feedback the weights are pulled back by ten times the same
difference; a multiplier of the weights acts against or with weight decay.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

FEEDBACK = 10.0


class Ema:
    """The average of named parameters."""

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        decay: float,
        *,
        feedback: bool = False,
        multiplier: float = 1.0,
    ) -> None:
        self.decay, self._feedback, self._multiplier = decay, feedback, multiplier
        self._names = list(parameters)
        self._weights: list[Tensor] = list(parameters.values())
        self._average = [weight.detach().float().clone() for weight in self._weights]

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights; one call for all of them."""
        if self._feedback:
            gap = torch._foreach_sub(self._average, self._weights)
            torch._foreach_mul_(gap, 1.0 - self.decay)
            torch._foreach_sub_(self._average, gap)
            torch._foreach_add_(self._weights, gap, alpha=FEEDBACK)
        else:
            torch._foreach_lerp_(self._average, self._weights, 1.0 - self.decay)
        if self._multiplier != 1.0:
            torch._foreach_mul_(self._weights, self._multiplier)

    @contextlib.contextmanager
    def swapped_in(self) -> Iterator[None]:
        """The weights are the average inside the block and exactly what they were after it."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for index, weight in enumerate(self._weights):
            weight.data, self._average[index] = self._average[index], weight.data

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by parameter name, float32."""
        return dict(zip(self._names, self._average, strict=True))

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over the averages; every name must be there."""
        for name, average in zip(self._names, self._average, strict=True):
            average.copy_(state[name])
