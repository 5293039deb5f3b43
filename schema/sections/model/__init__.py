"""`model:` - the base model and how it is loaded, composed from a file per group of options."""

from schema.option import Section, opt
from schema.sections.model.basics import Basics
from schema.sections.model.kwargs import ModelKwargs
from schema.sections.model.memory import Memory
from schema.sections.model.older import Older
from schema.sections.model.places import Places
from schema.sections.model.precision import Precision
from schema.sections.model.quantization import QTYPES, Quantization, QuantizeKwargs
from schema.sections.model.special import Special
from schema.sections.model.speed import Speed

__all__ = ["QTYPES", "Model", "ModelKwargs", "QuantizeKwargs"]


class _Extra(Section):
    """The options of single families."""

    model_kwargs: ModelKwargs = opt(
        ModelKwargs(),
        "Extra model options",
        "Options that only some architectures understand.",
        group="Compilation & Optimization",
        tier="expert",
        detail="Each belongs to the families named; with another family it is an error.",
    )


class Model(Older, _Extra, Special, Speed, Precision, Places, Memory, Quantization, Basics):
    """Everything under `model:` (pydantic orders the fields from the last base to the first)."""
