"""Other trainers' optimizers and their arguments, as `train.optimizer` and its parameters."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from schema.importers.draft import Draft
from schema.importers.tables import same
from schema.option import ParamSection
from schema.sections.train import optimizers


class _Known(NamedTuple):
    name: str
    params: Mapping[str, Any] = {}
    words: str | None = None


_ADAM: Final = {"eps": 1e-8}
_PAGED: Final = {"eps": 1e-8, "is_paged": True}
_KAHAN: Final = "8-bit states here too, without Kahan sums: trained weights are kept in float32"

NAMES: Final[Mapping[str, _Known]] = {
    "adam": _Known("adam", _ADAM),
    "torchadam": _Known("adam", _ADAM),
    "adam8bit": _Known("adam8bit", _ADAM),
    "adamw": _Known("adamw", _ADAM),
    "torchadamw": _Known("adamw", _ADAM),
    "adamwbf16": _Known(
        "adamw", {"eps": 1e-6}, "trained weights are kept in float32, so no bf16 variant is needed"
    ),
    "adamwoptimi": _Known(
        "adamw", {"eps": 1e-6}, "no Kahan sums: trained weights are kept in float32"
    ),
    "adamw8bit": _Known("adamw8bit", _ADAM),
    "bnbadamw8bit": _Known("adamw8bit", _ADAM),
    "aoadamw8bit": _Known("adamw8", {"eps": 1e-6, "weight_decay": 0.01}),
    "pagedadamw8bit": _Known("adamw8bit", _PAGED),
    "bnbadamw8bitpaged": _Known("adamw8bit", _PAGED),
    "adamw8bitkahan": _Known("adamw8bit", _ADAM, _KAHAN),
    "lion": _Known("lion"),
    "bnblion": _Known("lion"),
    "lion8bit": _Known("lion8bit"),
    "bnblion8bit": _Known("lion8bit"),
    "pagedlion8bit": _Known("lion8bit", {"is_paged": True}),
    "bnblion8bitpaged": _Known("lion8bit", {"is_paged": True}),
    "ademamix8bit": _Known("ademamix8bit", _ADAM),
    "bnbademamix8bit": _Known("ademamix8bit", _ADAM),
    "adafactor": _Known("adafactor", {"relative_step": True, "scale_parameter": True}),
    "torchadafactor": _Known("adafactor"),
    "adagrad": _Known("adagrad"),
    "torchadagrad": _Known("adagrad"),
    "prodigy": _Known("prodigy", _ADAM),
    "dadaptation": _Known("dadaptation", _ADAM),
    "dadaptadam": _Known("dadaptation", _ADAM),
    "dadaptlion": _Known("dadaptationlion"),
    "automagic": _Known("automagic"),
}
"""Names without case and dashes; the parameters are what the other trainer takes by itself."""

_RENAMED: Final = {"lrdecay": "lr_decay", "epsilon": "eps"}

_CLASSES: Final[Mapping[str, type[ParamSection]]] = {
    kind.kind: kind
    for kind in (getattr(optimizers, name) for name in optimizers.__all__)
    if isinstance(kind, type) and issubclass(kind, ParamSection)
}


def put_optimizer(draft: Draft, key: str, name: str, params: Mapping[str, Any], where: str) -> bool:
    """Write an optimizer and its parameters; list what it does not take. False if it has no equal.

    `key` is theirs for the name, `where` stands in front of the parameters' names in the list.
    """
    known = NAMES.get(name.lower().replace("-", "").replace("_", "").rsplit(".", 1)[-1])
    if known is None:
        draft.lost(key, name, "no such optimizer here; adamw stands in")
        for param, value in params.items():
            draft.lost(f"{where}{param}", value, f"of the optimizer {name}, which is not here")
        draft.put("train.optimizer", "adamw")
        return False
    if known.words:
        draft.told(key, name, known.words)
    draft.put("train.optimizer", known.name)
    fields = _CLASSES[known.name].model_fields
    taken = dict(known.params)
    for param, value in _gathered(params).items():
        ours = _RENAMED.get(param, param)
        if ours in fields:
            taken[ours] = value
        elif value not in (None, False):
            draft.lost(f"{where}{param}", value, f"no parameter of {known.name} here")
        else:
            draft.off(f"{where}{param}")
    kept = {name: value for name, value in taken.items() if not same(value, fields[name].default)}
    if kept:
        draft.put("train.optimizer_params", kept)
    return True


def _gathered(params: Mapping[str, Any]) -> dict[str, Any]:
    """beta1 and beta2 as `betas`, tuples as lists."""
    found = {
        name: list(value) if isinstance(value, tuple) else value for name, value in params.items()
    }
    if isinstance(found.get("beta1"), float | int) and isinstance(found.get("beta2"), float | int):
        found["betas"] = [found.pop("beta1"), found.pop("beta2")]
    return found


def arguments(items: Any) -> tuple[dict[str, Any], list[str]]:
    """`["weight_decay=0.1", "betas=0.9,0.99"]`, or one text of them, as values and unreadable ones.

    Values are read as Python literals, as the trainers do, and as text where they are none.
    """
    found: dict[str, Any] = {}
    unread: list[str] = []
    for item in items.split() if isinstance(items, str) else _listed(items):
        key, sign, value = str(item).partition("=")
        if sign and key.strip():
            found[key.strip()] = literal(value)
        else:
            unread.append(str(item))
    return found, unread


def _listed(items: Any) -> Iterable[Any]:
    return items if isinstance(items, list | tuple) else [items]


def literal(value: str) -> Any:
    """`0.9,0.99` -> (0.9, 0.99), `True` -> True, `True`-like words in small letters as well."""
    word = value.strip()
    if word.lower() in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[word.lower()]
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return word
