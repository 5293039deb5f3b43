"""Which timestep each item of a batch is trained at.

One uniform number per item, keyed by (seed, step, slot), mapped onto the allowed positions of a
falling list of noise levels (`schema.formulas.timesteps`). A denoiser that answers for a part of
the range (one of two experts) narrows the positions to its part. The list of a model that leans
towards noise by resolution depends on the size of the latents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import ConfigError
from engine.exploding import finite_sigmas
from engine.flow import FlowTable
from engine.noise import NoiseProcess, NoiseTable
from engine.randomness import uniform
from schema.formulas import timesteps as formulas
from schema.formulas.schedulers import is_karras
from schema.formulas.sigmas import STEPS, karras_timesteps
from schema.sections.train import Train

Shape = Sequence[int]
WHOLE = (0.0, 1.0)


class Levels:
    """A falling list of timesteps, the same at every size; `unit` is the t of pure noise."""

    def __init__(self, values: Sequence[float], unit: int = STEPS) -> None:
        self._values, self.unit = values, unit

    def at(self, shape: Shape) -> Sequence[float]:
        """The list for latents (C, ...) of this shape."""
        del shape
        return self._values

    def drawn(self, values: Sequence[float], place: int, within: Callable[[], float]) -> float:
        """The timestep of a position; `within` draws a number where positions are ranges."""
        del within
        return values[place]


class LogitNormal(Levels):
    """Positions are equally likely ranges of the logit-normal distribution, t any value inside."""

    def drawn(self, values: Sequence[float], place: int, within: Callable[[], float]) -> float:
        """A quantile inside the range."""
        return formulas.logit_normal((place + within()) / len(values))


class ShiftedLevels(Levels):
    """The levels of the model's own sampler at the number of image tokens."""

    def __init__(self, table: FlowTable, count: int, tokens: Callable[[Shape], int]) -> None:
        super().__init__(())
        self._shift, self._count, self._tokens = table.shift, count, tokens
        self._known: dict[int, list[float]] = {}

    def at(self, shape: Shape) -> Sequence[float]:
        """Computed once for every size."""
        tokens = self._tokens(shape) if self._shift.by_resolution else 0
        if tokens not in self._known:
            try:
                sigmas = self._shift.levels(self._count, tokens)
            except ValueError as error:
                message = f"{error}, which training cannot follow."
                raise ConfigError("train.timestep_type", message, repair="Use linear.") from error
            self._known[tokens] = [STEPS * sigma for sigma in sigmas]
        return self._known[tokens]


class Timesteps:
    """Draws positions of a list of noise levels, and with them timesteps."""

    def __init__(
        self,
        seed: int,
        levels: Levels | int,
        low: int,
        high: int,
        *,
        bias: str = "balanced",
        reg_bias: str | None = None,
        last: bool = True,
        only: Sequence[int] = (),
    ) -> None:
        """`levels` may be the length of an alpha-bar table, whose timesteps are drawn evenly.

        `low` and `high` are positions; `last` says whether an even draw reaches `high` itself.
        `reg_bias` is the bias of regularization batches. `only` are the positions to draw from in
        place of a range, in a list of 1000.
        """
        try:
            formulas.index_range(low, high, STEPS)
        except ValueError as error:
            raise ConfigError("train.min_denoising_steps", f"{error}.") from error
        if isinstance(levels, int):
            levels = Levels(formulas.table_levels(levels, levels), levels)
        self._seed, self._levels, self._low, self._high = seed, levels, low, high
        self._bias, self._reg_bias, self._last = bias, reg_bias or bias, last
        self._only = only

    def draw(
        self,
        step: int,
        slots: Sequence[int],
        t_range: tuple[float, float] = WHOLE,
        shape: Shape = (),
        *,
        reg: bool = False,
    ) -> list[float]:
        """One per slot; each depends on its slot alone, not on the batch around it.

        `t_range` is the denoiser's part of the noise, `shape` that of one item's latents.
        """
        values = self._levels.at(shape)
        bias = self._reg_bias if reg else self._bias
        places = self._places(values, t_range, bias)
        drawn = [self._one(step, slot, values, places, bias) for slot in slots]
        if t_range == WHOLE:
            return drawn
        # a position that is a range of levels may reach over its expert's boundary
        clean, noisy = (share * self._levels.unit for share in t_range)
        return [min(max(t, clean), noisy) for t in drawn]

    def after(self, drawn: Sequence[float], shape: Shape) -> list[float]:
        """The next cleaner level of each that was drawn."""
        values = self._levels.at(shape)
        return [values[values.index(t) + 1] for t in drawn]

    def _one(
        self, step: int, slot: int, values: Sequence[float], places: Sequence[int], bias: str
    ) -> float:
        """The timestep of one slot."""
        number = uniform(self._seed, step, slot, "timestep")
        place = places[formulas.position(number, 0, len(places) - 1, bias)]
        return self._levels.drawn(
            values, place, lambda: uniform(self._seed, step, slot, "timestep within")
        )

    def _places(
        self, values: Sequence[float], t_range: tuple[float, float], bias: str
    ) -> Sequence[int]:
        """The allowed positions, within a fraction of the noise range (0 clean, 1 pure noise)."""
        count = len(values)
        low, high = formulas.index_range(self._low, self._high, count)
        if not self._last and bias == "balanced":
            high = max(low, high - 1)
        places: Sequence[int] = range(low, high + 1)
        if self._only:
            places = [place * count // STEPS for place in self._only]
        if t_range != WHOLE:
            clean, noisy = (share * self._levels.unit for share in t_range)
            full = t_range[1] == 1.0
            places = [i for i in places if clean <= values[i] and (full or values[i] < noisy)]
        if not places:
            raise ConfigError(
                "train.min_denoising_steps",
                "no noise level is left for one of the model's experts.",
            )
        return places


def build_timesteps(
    train: Train, table: NoiseProcess, tokens: Callable[[Shape], int], seed: int
) -> Timesteps:
    """As `train.timestep_type` and its companions say; `tokens` counts those of a latent shape.

    An alpha-bar table is practised evenly: of the timestep types only the fixed steps change that.
    """
    kind, count = train.timestep_type, train.num_train_timesteps
    flow = isinstance(table, FlowTable)
    if kind == "next_sample" and isinstance(table, FlowTable):
        # two more levels follow a drawn one: the one it is moved to, and one that is cleaner still
        count = train.next_sample_timesteps
        return Timesteps(seed, ShiftedLevels(table, count, tokens), 0, count - 3)
    levels = _flow_levels(train, table, tokens) if flow else _table_levels(train, table)
    if kind in formulas.FIXED_POSITIONS:
        only = formulas.FIXED_POSITIONS[kind]
        return Timesteps(seed, levels, 0, STEPS - 1, only=only)
    return Timesteps(
        seed,
        levels,
        train.min_denoising_steps,
        train.max_denoising_steps,
        bias=train.content_or_style,
        reg_bias=train.content_or_style_reg,
        last=not flow,
    )


def _flow_levels(train: Train, table: NoiseProcess, tokens: Callable[[Shape], int]) -> Levels:
    """The list of a flow model."""
    assert isinstance(table, FlowTable), "only flow matching has lists of its own"
    kind, count = train.timestep_type, train.num_train_timesteps
    if any((train.linear_timesteps, train.linear_timesteps2)):
        return Levels(formulas.linear_levels(count))
    match kind:
        case "sigmoid":
            return LogitNormal(formulas.logit_normal_levels(count))
        case "shift":
            return ShiftedLevels(table, count, tokens)
        case "lognorm_blend":
            return Levels(formulas.lognorm_blend_levels(count))
        case _:  # linear, weighted and the fixed steps
            return Levels(formulas.linear_levels(count))


def _table_levels(train: Train, table: NoiseProcess) -> Levels:
    """The list of an alpha-bar model: every timestep, or spaced after Karras."""
    assert isinstance(table, NoiseTable), "every table is one of the two"
    total, count = len(table), train.num_train_timesteps
    if is_karras(train.noise_scheduler):
        return Levels(karras_timesteps(finite_sigmas(table), min(count, total)), total)
    return Levels(formulas.table_levels(total, count), total)
