"""What libraries' optimizers take besides the fields declared here: the last resort.

Names and kinds of value by optimizer, from the signatures of the packages (a test holds the table
against those that are installed). Whoever gives one of them knows what it is for: it is passed on
as it stands, has no field in the form and no default of ours.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from schema.option import ParamSection, meta_of

Kind = Literal["bool", "int", "float"]

SIGNATURES: Final[dict[str, dict[str, Kind]]] = {
    "adamw": {"capturable": "bool", "differentiable": "bool"},
    "adam": {"capturable": "bool", "differentiable": "bool", "decoupled_weight_decay": "bool"},
    "adagrad": {
        "foreach": "bool", "maximize": "bool", "differentiable": "bool", "fused": "bool",
    },
    "prodigy": {"fsdp_in_use": "bool"},
    "dadaptation": {"log_every": "int", "fsdp_in_use": "bool"},
    "dadaptationlion": {"log_every": "int", "fsdp_in_use": "bool"},
}  # fmt: skip

NOT_PASSED_ON: Final[dict[str, frozenset[str]]] = {
    "adamw8bit": frozenset({"args", "amsgrad", "optim_bits"}),
    "adam8bit": frozenset({"args", "amsgrad", "optim_bits"}),
    "lion8bit": frozenset({"args"}),
}
"""Parameters in a signature that the library refuses at any other value than its default (the 8-bit
variants have no AMSGrad and no other bits), or that no config can write (an object)."""


class LibraryParams(ParamSection):
    """Parameters that go to a library's optimizer: the declared ones, and those of its signature.

    An unknown name is an error as in any section.
    """

    model_config = ConfigDict(extra="allow")
    kind: ClassVar[str] = ""

    @classmethod
    def extra_kinds(cls) -> Mapping[str, str]:
        """The parameters without a field of their own, and what each takes."""
        return SIGNATURES.get(cls.kind, {})

    @model_validator(mode="wrap")
    @classmethod
    def _within_the_signature(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Report unknown and mistyped extra parameters beside the faults of the fields."""
        if not isinstance(data, dict):
            return handler(data)
        declared = {alias for info in cls.model_fields.values() for alias in meta_of(info).aliases}
        extras = {k: v for k, v in data.items() if k not in cls.model_fields and k not in declared}
        extras = {name: value for name, value in extras.items() if isinstance(name, str)}
        faults = [fault for name, value in extras.items() if (fault := cls._fault(name, value))]
        if not faults:
            return handler(data)
        bad = {fault["loc"][0] for fault in faults}
        try:
            handler(type(data)({k: v for k, v in data.items() if k not in bad}))
        except ValidationError as error:
            faults += [_as_given(detail) for detail in error.errors(include_url=False)]
        raise ValidationError.from_exception_data(cls.__name__, faults)

    @classmethod
    def _fault(cls, name: str, value: Any) -> InitErrorDetails | None:
        kind = cls.extra_kinds().get(name)
        if kind is None:
            return InitErrorDetails(type="extra_forbidden", loc=(name,), input=value)
        takes = {"bool": (bool,), "int": (int,), "float": (int, float)}[kind]
        if value is None or type(value) in takes:
            return None
        return InitErrorDetails(type=f"{kind}_type", loc=(name,), input=value)


def _as_given(detail: Any) -> InitErrorDetails:
    """An error of pydantic's as it can be raised again."""
    return InitErrorDetails(
        type=detail["type"], loc=detail["loc"], input=detail["input"], ctx=detail.get("ctx", {})
    )
