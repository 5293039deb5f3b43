"""Rules: each finds what it is for, at the right place, and is silent otherwise."""

from importlib import import_module
from pathlib import Path

import pytest

from schema.catalogue import find
from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.presets import PRESETS
from schema.rules import RULES
from tests.schema.conftest import BASE

CASES = [
    ("train_unet: false", "nothing-to-train", "train.train_unet"),
    ("gradient_accumulation: 2\n        gradient_accumulation_steps: 4", "two-accumulations",
     "train.gradient_accumulation_steps"),
    ("gradient_accumulation_steps: 0", "no-accumulation-of-zero",
     "train.gradient_accumulation_steps"),
    ("min_denoising_steps: 500\n        max_denoising_steps: 400", "noise-range",
     "train.min_denoising_steps"),
    ("min_denoising_steps: 500\n        max_denoising_steps: 502", "noise-range",
     "train.max_denoising_steps"),
    ("train_text_encoder: true\n        unload_text_encoder: true", "text-encoder-is-needed",
     "train.unload_text_encoder"),
    ("train_text_encoder: true\n        cache_text_embeddings: true", "text-encoder-is-needed",
     "train.cache_text_embeddings"),
    ("cache_text_embeddings: true\n        unload_text_encoder: true", "cache-or-unload",
     "train.unload_text_encoder"),
    ("unload_text_encoder: true", "captions-are-ignored", "train.unload_text_encoder"),
    ("dtype: fp16\n      device: cpu", "half-precision-on-cpu", "train.dtype"),
    ("ema_config: {use_ema: true}", "average-slower-than-the-run", "train.ema_config.ema_decay"),
    ("unet_lr: 0.5", "rate-high", "train.unet_lr"),
    ("unet_lr: 0.0", "rate-of-zero", "train.unet_lr"),
    ("optimizer: adafactor\n        optimizer_params: {warmup_init: true}",
     "warmup-init-without-relative-step", "train.optimizer_params.warmup_init"),
    ("optimizer: adafactor\n        optimizer_params: {relative_step: true}",
     "relative-step-ignores-the-rate", "train.lr"),
    ("lr_scheduler: constant_with_warmup", "warmup-longer-than-the-run",
     "train.lr_scheduler_params.num_warmup_steps"),
    ("lr_scheduler: cosine\n        lr_scheduler_params: {warmup_steps: 100}",
     "warmup-longer-than-the-run", "train.lr_scheduler_params.warmup_steps"),
    ("lr_scheduler: polynomial\n        lr_scheduler_params: {lr_end: 1e-3}",
     "end-above-the-start", "train.lr_scheduler_params.lr_end"),
    ("lr_scheduler: piecewise_constant\n        lr_scheduler_params: {step_rules: '1:9,2:5,3'}",
     "step-rules-ascend", "train.lr_scheduler_params.step_rules"),
    ("lr_scheduler: cosine_with_restarts", "no-restart-in-the-run",
     "train.lr_scheduler_params.T_0"),
    ("lr_scheduler: constant_with_warmup\n        lr_scheduler_params: {num_warmup_steps: 0}",
     "warmup-of-zero", "train.lr_scheduler_params.num_warmup_steps"),
    ("text_encoder_lr: 1e-5", "needs-another-option", "train.text_encoder_lr"),
    ("force_first_sample: true\n        skip_first_sample: true", "first-sample-is-both",
     "train.force_first_sample"),
]  # fmt: skip

ELSEWHERE = [
    ("train.lr", 1e-6, "rate-low-for-a-network", "train.lr"),
    ("network.linear", 300, "rank-is-large", "network.linear"),
    ("network.linear_alpha", 0.5, "scale-is-small", "network.linear_alpha"),
    ("network.network_kwargs", {"peft_format": True}, None, None),  # alpha is the rank already
    ("network.conv_alpha", 4, "needs-another-option", "network.conv_alpha"),
    ("datasets[0].buckets", False, "buckets-for-all-or-none", "datasets[0].buckets"),
    ("datasets[0].resolution", [512, 512], "sizes-given-twice", "datasets[0].resolution"),
    ("datasets[0].bucket_tolerance", 400, "bucket-fits-the-size", "datasets[0].bucket_tolerance"),
    ("datasets[0].cache_text_embeddings", True, "text-cache-for-all-or-none",
     "datasets[1].cache_text_embeddings"),
    ("datasets[0].num_workers", 9999, "more-workers-than-cores", "datasets[0].num_workers"),
    ("datasets[1].folder_path", "./images", "folder-given-twice", "datasets[1].folder_path"),
    ("datasets[1].default_caption", "a [trigger]", "trigger-without-a-word",
     "datasets[1].default_caption"),
    ("datasets[1].keep_tokens", 2, "needs-another-option", "datasets[1].keep_tokens"),
    ("datasets", [], "no-datasets", "datasets"),
    ("sample", {"sample_every": 5}, "no-prompts", "sample"),
    ("sample", {"prompts": ["a"], "samples": [{"prompt": "b"}]}, "prompts-and-samples",
     "sample.prompts"),
    ("sample", {"prompts": ["a"], "neg": True}, "negative-prompt-is-a-switch", "sample.neg"),
    ("sample", {"prompts": ["a"], "neg": "bad", "guidance_scale": 1.0},
     "negative-prompt-without-guidance", "sample.neg"),
    ("sample", {"samples": [{"prompt": "a", "width": 515}]}, "preview-size-is-rounded",
     "sample.samples[0].width"),
    ("save.save_format", "diffusers", "format-is-for-full-models", "save.save_format"),
    ("save.save_every", 500, "no-save-before-the-end", "save.save_every"),
    ("config.name", " x", "name-is-a-folder-name", "config.name"),
    ("config.name", "..", "name-is-a-folder-name", "config.name"),
]  # fmt: skip

TOGETHER = [
    ({"train.dtype": "fp16", "network": None}, "full-fine-tuning-in-fp16", "train.dtype"),
    ({"datasets[0].buckets": False, "datasets[1].buckets": False,
      "datasets[0].cache_latents": True}, "caching-needs-buckets", "datasets[0].cache_latents"),
    ({"datasets[0].buckets": False, "datasets[1].buckets": False, "train.batch_size": 2},
     "one-size-without-buckets", "datasets[1].resolution"),
    ({"datasets[0].square_crop": True, "datasets[0].resolution": 513}, "square-fits-the-model",
     "datasets[0].resolution"),
    ({"datasets[0].cache_latents": True, "datasets[0].random_crop": True}, "crop-is-frozen",
     "datasets[0].random_crop"),
    ({"datasets[0].shuffle_tokens": True, "train.cache_text_embeddings": True},
     "shuffling-a-cached-caption", "datasets[0].shuffle_tokens"),
    ({"network.network_kwargs.peft_format": True, "network.linear_alpha": 4},
     "alpha-is-not-kept", "network.linear_alpha"),
    ({"train.train_text_encoder": True, "datasets[1].cache_text_embeddings": True},
     "text-encoder-is-needed", "datasets[1].cache_text_embeddings"),
    ({"process[1]": {"type": "sd_trainer", "training_folder": "out",
                     "model": {"name_or_path": "m"}, "datasets": [{"folder_path": "d"}]}},
     "processes-share-a-folder", "process[1].training_folder"),
]  # fmt: skip


def findings(document: Document) -> list[Finding]:
    return check_document(document, files=False)


def with_lines(lines: str) -> Document:
    return Document.parse(f"{BASE.rstrip()}\n        {lines}\n", file="base.yaml")


def assert_found(document: Document, code: str, path: str) -> None:
    assert document.findings == []
    hits = [f for f in findings(document) if f.code == code]
    assert [f.path for f in hits] == [path], [f.sentence() for f in findings(document)]
    severities = {rule.code: rule.severity for rule in RULES}
    assert hits[0].severity == severities.get(code, "warning")
    assert (hits[0].line, hits[0].column) == document.place(path)
    assert hits[0].file == "base.yaml"


def test_the_small_config_breaks_no_rule(document: Document) -> None:
    assert findings(document) == []


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_no_preset_breaks_a_rule(preset: object) -> None:
    assert findings(Document.parse(preset.text)) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("lines", "code", "path"), CASES, ids=lambda value: str(value)[:40])
def test_a_rule_on_training_finds_its_fault(lines: str, code: str, path: str) -> None:
    assert_found(with_lines(lines), code, path)


@pytest.mark.parametrize(("path", "value", "code", "where"), ELSEWHERE)
def test_a_rule_on_one_value_finds_its_fault(
    document: Document, path: str, value: object, code: str | None, where: str | None
) -> None:
    document.set(path, value)
    if code is None or where is None:
        assert findings(document) == []
    else:
        assert_found(document, code, where)


@pytest.mark.parametrize(("values", "code", "where"), TOGETHER, ids=lambda value: str(value)[:40])
def test_a_rule_across_values_finds_its_fault(
    document: Document, values: dict[str, object], code: str, where: str
) -> None:
    for path, value in values.items():
        document.set(path.replace("process[1]", "config.process[1]"), value)
    assert_found(document, code, where)


def covered_elsewhere() -> set[str]:
    """The codes in the tables of the other files of rule tests."""
    folder = Path(__file__).parent
    names = [path.stem for path in folder.glob("test_rules_*.py")]
    modules = [import_module(f"tests.schema.{name}") for name in names]
    listed = {code for module in modules for code in getattr(module, "TESTED", ())}
    return listed | {case[-2] for module in modules for case in getattr(module, "CASES", ())}


def test_every_rule_has_a_test_and_names_real_options() -> None:
    tested = {case[-2] for case in [*CASES, *ELSEWHERE, *TOGETHER]} | covered_elsewhere()
    assert {rule.code for rule in RULES} <= tested
    names = {"network", "datasets", "sample"}
    for rule in RULES:
        assert all(field in names or find(field) for field in rule.fields), rule.code
        assert rule.test.__doc__


@pytest.mark.parametrize(("steps", "better"), [(10, "0.9"), (60, "0.98"), (500, "0.99")])
def test_the_average_that_is_suggested_fits_the_run(
    document: Document, steps: int, better: str
) -> None:
    document.set("train.steps", steps)
    document.set("train.ema_config", {"use_ema": True, "ema_decay": 0.999})
    code = "average-slower-than-the-run"
    found = [f for f in check_document(document, False) if f.code == code]
    assert [f.suggestion for f in found] == [better]
    document.set("train.ema_config.ema_decay", float(better))
    assert code not in {f.code for f in check_document(document, False)}


def test_a_suggestion_of_a_rule_mends_the_fault(document: Document) -> None:
    document.set("train.train_unet", False)
    (finding,) = findings(document)
    assert finding.suggestion == "true"
    document.set(finding.path, True)
    assert findings(document) == []


def test_a_general_rule_is_silent_where_a_special_one_spoke(document: Document) -> None:
    document.set("datasets[0].buckets", False)
    document.set("datasets[1].buckets", False)
    document.set("datasets[0].cache_latents", True)
    assert [f.code for f in findings(document)] == ["caching-needs-buckets"]


def test_rules_look_at_the_rest_of_a_config_with_faults_of_shape(document: Document) -> None:
    document.set("train.optimizer", "nope")
    document.set("train.optimizer_params", {"wd": 1})
    document.set("train.train_unet", False)
    document.set("trane", {})
    document.unset("datasets[0].folder_path")
    codes = {(f.path, f.code) for f in findings(document)}
    assert codes == {
        ("train.optimizer", "unknown-choice"),
        ("trane", "unknown-key"),
        ("datasets[0].folder_path", "missing"),
        ("train.train_unet", "nothing-to-train"),
    }


def test_nothing_is_said_about_places_that_are_at_fault() -> None:
    text = BASE.replace("lr: 1e-4", "lr: fast").replace("name_or_path: model", "arch_: x")
    found = findings(Document.parse(text))
    assert {f.code for f in found} == {"wrong-type", "missing", "unknown-key"}


def test_a_config_without_a_process_still_has_its_findings() -> None:
    found = findings(Document.parse("job: extension\nconfig: {name: x, process: []}\n"))
    assert [f.code for f in found] == ["bad-length"]
