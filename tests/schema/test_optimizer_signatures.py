"""Optimizer parameters without a field: those of the library's signature, no others."""

import inspect
from importlib import import_module

import pytest

import schema.sections.train.optimizers as optimizers
from schema.check import check_document
from schema.document import Document
from schema.option import ParamSection
from schema.sections.train.optimizers.signatures import NOT_PASSED_ON, SIGNATURES
from tests.schema.conftest import BASE

CALLABLES = {
    "adamw": ("torch.optim", "AdamW"),
    "adam": ("torch.optim", "Adam"),
    "adagrad": ("torch.optim", "Adagrad"),
    "adamw8bit": ("bitsandbytes.optim", "AdamW8bit"),
    "adam8bit": ("bitsandbytes.optim", "Adam8bit"),
    "lion8bit": ("bitsandbytes.optim", "Lion8bit"),
    "ademamix8bit": ("bitsandbytes.optim", "AdEMAMix8bit"),
    "adafactor": ("transformers.optimization", "Adafactor"),
    "prodigy": ("prodigyopt", "Prodigy"),
    "lion": ("lion_pytorch", "Lion"),
    "dadaptation": ("dadaptation", "DAdaptAdam"),
    "dadaptationlion": ("dadaptation", "DAdaptLion"),
}
ENGINE_ONLY = {"stochastic_accumulation", "stochastic_rounding"}
CLASSES: dict[str, type[ParamSection]] = {
    found.kind: found
    for found in vars(optimizers).values()
    if isinstance(found, type) and issubclass(found, ParamSection)
}


@pytest.mark.parametrize("kind", CALLABLES)
def test_fields_and_table_together_are_the_signature_of_the_installed_package(kind: str) -> None:
    module, name = CALLABLES[kind]
    pytest.importorskip(module.partition(".")[0])
    taken = set(inspect.signature(getattr(import_module(module), name)).parameters)
    fields, extra = set(CLASSES[kind].model_fields), set(SIGNATURES.get(kind, {}))
    assert not fields & extra
    missing = taken - {"params", "lr"} - NOT_PASSED_ON.get(kind, set())
    assert fields - ENGINE_ONLY | extra == missing


@pytest.mark.parametrize("kind", NOT_PASSED_ON)
def test_what_is_not_passed_on_is_refused_by_the_library_itself(kind: str) -> None:
    pytest.importorskip("bitsandbytes")
    torch = pytest.importorskip("torch")
    module, name = CALLABLES[kind]
    made = getattr(import_module(module), name)
    for parameter, value in {"amsgrad": True, "optim_bits": 16}.items():
        if parameter in NOT_PASSED_ON[kind]:
            with pytest.raises(ValueError, match="8bit"):
                made([torch.zeros(2, requires_grad=True)], **{parameter: value})


def findings(params: str, optimizer: str = "adamw") -> dict[str, tuple[str, str | None]]:
    text = f"{BASE}        optimizer: {optimizer}\n        optimizer_params: {params}\n"
    found = check_document(Document.parse(text), files=False)
    return {f.path.rsplit(".", 1)[-1]: (f.message, f.suggestion) for f in found}


def test_an_undeclared_parameter_of_the_signature_reaches_the_optimizer() -> None:
    text = f"{BASE}        optimizer_params: {{differentiable: true}}\n"
    params = Document.parse(text).typed().trainer.train.optimizer_params
    passed = params.model_dump(exclude_none=True)
    assert passed["differentiable"] is True
    torch = pytest.importorskip("torch")
    from engine.optim.optimizers import build_optimizer

    weights = [torch.zeros(2, requires_grad=True)]
    built = build_optimizer("adamw", passed, [{"name": "a", "params": weights, "lr": 1e-3}])
    assert built.param_groups[0]["differentiable"] is True


@pytest.mark.parametrize(
    ("params", "name", "message", "suggestion"),
    [
        ("{capturabel: true}", "capturabel", "did you mean 'capturable'", "capturable"),
        ("{weight_decai: 1}", "weight_decai", "did you mean 'weight_decay'", "weight_decay"),
        ("{lr_decay: 1}", "lr_decay", "it belongs to adagrad", None),
        ("{capturable: 3}", "capturable", "accepted is true or false", None),
        ("{zzzzzz: 3}", "zzzzzz", "unknown key 'zzzzzz'", None),
    ],
)
def test_another_name_or_value_is_an_error_with_the_nearest(
    params: str, name: str, message: str, suggestion: str | None
) -> None:
    found = findings(params)[name]
    assert message in found[0]
    assert found[1] == suggestion


def test_all_faults_of_the_parameters_come_at_once() -> None:
    found = findings("{capturabel: 1, differentiable: x, eps: y, betas: [0.9]}")
    assert set(found) == {"capturabel", "differentiable", "eps", "betas"}


def test_one_of_the_signature_of_another_optimizer_is_unknown() -> None:
    assert "log_every" not in findings("{log_every: 1}", "dadaptation")
    assert "unknown key" in findings("{log_every: 1}")["log_every"][0]


def test_the_table_names_only_optimizers_that_there_are() -> None:
    assert set(SIGNATURES) | set(NOT_PASSED_ON) <= set(CLASSES)
