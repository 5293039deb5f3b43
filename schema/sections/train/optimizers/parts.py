"""What all optimizers' parameters share: types, the group of the form, the note on defaults."""

from typing import Annotated, Final

from pydantic import Field

Beta = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Betas = Annotated[list[Beta], Field(min_length=2, max_length=2)]
ThreeBetas = Annotated[list[Beta], Field(min_length=3, max_length=3)]

OPTIMIZER_GROUP: Final = "Optimizer settings"
LIBRARY: Final = "Other trainers leave it to the optimizer's library, whose default this is."
