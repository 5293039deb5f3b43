"""`train.optimizer_params:` - one closed class per optimizer, chosen by `train.optimizer`."""

from typing import Annotated, Final, Literal

from pydantic import Discriminator, Tag

from schema.option import kind_of
from schema.sections.train.optimizers.adafactor import AdafactorParams
from schema.sections.train.optimizers.adam import (
    Adam8bitParams,
    Adam8Params,
    AdamParams,
    AdamW8bitParams,
    AdamW8Params,
    AdamWParams,
    AdEMAMix8bitParams,
)
from schema.sections.train.optimizers.automagic import (
    Automagic2Params,
    Automagic3Params,
    AutomagicExperimentParams,
    AutomagicParams,
)
from schema.sections.train.optimizers.lion import AdagradParams, Lion8bitParams, LionParams
from schema.sections.train.optimizers.prodigy import (
    DAdaptationLionParams,
    DAdaptationParams,
    Prodigy8bitParams,
    ProdigyParams,
)

__all__ = [
    "OPTIMIZER_SYNONYMS",
    "OPTIMIZER_WORDS",
    "AdEMAMix8bitParams",
    "AdafactorParams",
    "AdagradParams",
    "Adam8Params",
    "Adam8bitParams",
    "AdamParams",
    "AdamW8Params",
    "AdamW8bitParams",
    "AdamWParams",
    "Automagic2Params",
    "Automagic3Params",
    "AutomagicExperimentParams",
    "AutomagicParams",
    "DAdaptationLionParams",
    "DAdaptationParams",
    "Lion8bitParams",
    "LionParams",
    "OptimizerName",
    "OptimizerParams",
    "Prodigy8bitParams",
    "ProdigyParams",
]

OptimizerName = Literal[
    "adamw", "adam", "adamw8bit", "adam8bit", "adamw8", "adam8", "adafactor", "prodigy",
    "prodigy8bit", "lion", "lion8bit", "ademamix8bit", "adagrad", "automagic", "automagic2",
    "automagic3", "automagicexperiment", "dadaptation", "dadaptationlion",
]  # fmt: skip

OPTIMIZER_WORDS: Final[dict[str, str]] = {
    "adamw": "Adam with decoupled weight decay: the safe choice",
    "adam": "Adam; weight decay is added to the gradient",
    "adamw8bit": "adamw with 8-bit states: a quarter of the optimizer memory",
    "adam8bit": "adam with 8-bit states",
    "adamw8": "adamw with 8-bit states, without a library, on any device",
    "adam8": "adam with 8-bit states, without a library, on any device",
    "adafactor": "factored states, hardly any optimizer memory",
    "prodigy": "finds its own learning rate; set lr to 1",
    "prodigy8bit": "prodigy with 8-bit states",
    "lion": "steps by the sign of the momentum; a third of adamw's rate",
    "lion8bit": "lion with 8-bit states",
    "ademamix8bit": "adamw with a second, slow momentum, 8-bit states",
    "adagrad": "rates that fall with the gradients seen so far",
    "automagic": "a learning rate of its own for every weight",
    "automagic2": "a learning rate of its own for every tensor",
    "automagic3": "a learning rate of its own for every group",
    "automagicexperiment": "automagic3 with full second moments",
    "dadaptation": "Adam that finds its own learning rate; set lr to 1",
    "dadaptationlion": "Lion that finds its own learning rate; set lr to 1",
}

OPTIMIZER_SYNONYMS: Final[dict[str, str]] = {
    "prodigyopt": "prodigy",
    "dadaptationadam": "dadaptation",
}

OptimizerParams = Annotated[
    Annotated[AdamWParams, Tag("adamw")]
    | Annotated[AdamParams, Tag("adam")]
    | Annotated[AdamW8bitParams, Tag("adamw8bit")]
    | Annotated[Adam8bitParams, Tag("adam8bit")]
    | Annotated[AdamW8Params, Tag("adamw8")]
    | Annotated[Adam8Params, Tag("adam8")]
    | Annotated[AdafactorParams, Tag("adafactor")]
    | Annotated[ProdigyParams, Tag("prodigy")]
    | Annotated[Prodigy8bitParams, Tag("prodigy8bit")]
    | Annotated[LionParams, Tag("lion")]
    | Annotated[Lion8bitParams, Tag("lion8bit")]
    | Annotated[AdEMAMix8bitParams, Tag("ademamix8bit")]
    | Annotated[AdagradParams, Tag("adagrad")]
    | Annotated[AutomagicParams, Tag("automagic")]
    | Annotated[Automagic2Params, Tag("automagic2")]
    | Annotated[Automagic3Params, Tag("automagic3")]
    | Annotated[AutomagicExperimentParams, Tag("automagicexperiment")]
    | Annotated[DAdaptationParams, Tag("dadaptation")]
    | Annotated[DAdaptationLionParams, Tag("dadaptationlion")],
    Discriminator(kind_of),
]
