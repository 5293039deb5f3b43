"""Rules on previews, saving and logging: each finds its fault, and its repair takes it away."""

from pathlib import Path
from typing import Any

import pytest

from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.rules import RULES
from schema.rules.save import token_is_there
from tests.schema.conftest import BASE

Values = dict[str, Any]
WAN: Values = {"model.arch": "wan21"}
SONG: Values = {"model.arch": "ace_step_15"}


def prompts(*texts: str) -> Values:
    return {"sample": {"prompts": list(texts)}}


def samples(**item: Any) -> Values:
    return {"sample": {"samples": [{"prompt": "a", **item}]}}


FLAGS: list[tuple[Values, str, str]] = [
    (prompts("a", "b --w wide"), "flag-cannot-be-read", "sample.prompts[1]"),
    (samples(prompt="a --m"), "flag-cannot-be-read", "sample.samples[0].prompt"),
    ({"first_sample": {"prompts": ["a --seed x"]}}, "flag-cannot-be-read",
     "first_sample.prompts[0]"),
    (prompts("a --s 0"), "flag-out-of-range", "sample.prompts[0]"),
    (prompts("a --l nan"), "flag-out-of-range", "sample.prompts[0]"),
    (prompts("a --gr 2"), "flag-out-of-range", "sample.prompts[0]"),
    (samples(prompt="a --ctrl_img x.png"), "flag-is-not-followed-yet",
     "sample.samples[0].prompt"),
    (prompts("a --p2 b"), "flag-without-effect", "sample.prompts[0]"),
    (prompts("a --gr 0.5"), "flag-without-effect", "sample.prompts[0]"),
    (samples(prompt="a --frames 1"), "flag-without-effect", "sample.samples[0].prompt"),
]  # fmt: skip
MEDIA: list[tuple[Values, str, str]] = [
    ({"sample.format": "mp3"}, "format-of-another-medium", "sample.format"),
    ({"sample.format": "jpg", **SONG}, "format-of-another-medium", "sample.format"),
    ({"sample.format": "mp4"}, "format-of-another-medium", "sample.format"),
    ({"sample.num_frames": 9}, "preview-clip-of-an-image-model", "sample.num_frames"),
    (samples(num_frames=9), "preview-clip-of-an-image-model", "sample.samples[0].num_frames"),
    ({"sample.num_frames": 40, **WAN}, "preview-frames-are-rounded", "sample.num_frames"),
    ({"sample.fps": 15, **WAN}, "speed-of-a-still", "sample.fps"),
    ({"sample.width": 4096, "sample.height": 4096}, "preview-is-large", "sample.width"),
    (samples(height=8192), "preview-is-large", "sample.samples[0].height"),
    ({"sample.sampler": "flowmatch"}, "sampler-of-another-kind", "sample.sampler"),
    ({"sample.sampler": "lcm", "sample.sample_steps": 51}, "lcm-has-fifty-steps",
     "sample.sample_steps"),
    ({"sample.sampler": "ddim", "model.arch": "flux"}, "sampler-of-another-kind",
     "sample.sampler"),
    ({**prompts("a"), "model.arch": "flux_kontext"}, "preview-lacks-its-picture",
     "sample.prompts[0]"),
    ({**samples(), "model.arch": "wan21_i2v"}, "preview-lacks-its-picture",
     "sample.samples[0].ctrl_img"),
    (samples(ctrl_img="x.png"), "nobody-looks-at-the-picture", "sample.samples[0].ctrl_img"),
    ({**samples(ctrl_idx=1), "adapter": {"type": "control_lora", "train": True}},
     "input-that-is-not-there", "sample.samples[0].ctrl_idx"),
    ({"sample.extra_values": [1.0, 2.0],
      "adapter": {"type": "single_value", "train": True, "num_tokens": 1}},
     "preview-numbers-of-another-count", "sample.extra_values"),
    ({"model.arch": "sdxl", "model.refiner_name_or_path": "r", "sample.refiner_start_at": 0.8},
     "refiner-starts-elsewhere", "sample.refiner_start_at"),
    ({"sample.sample_start_step": 101}, "previews-start-after-the-end",
     "sample.sample_start_step"),
]  # fmt: skip
REST: list[tuple[Values, str, str]] = [
    ({"save.save_format": "ckpt", "network": None, "model.arch": "flux"},
     "ckpt-is-for-older-models", "save.save_format"),
    ({"save.dtype": "e4m3fn"}, "eight-bits-on-disk", "save.dtype"),
    ({"save.push_to_hub": True}, "upload-needs-a-place", "save.hf_repo_id"),
    ({"save.push_to_hub": True, "save.hf_repo_id": "me/x"}, "upload-needs-a-token",
     "save.push_to_hub"),
    ({"logging.use_wandb": True, "logging.project_name": " "}, "project-without-a-name",
     "logging.project_name"),
    ({"logging.use_ui_logger": True, "logging.log_every": 0}, "nothing-in-the-log",
     "logging.log_every"),
    ({"do_lorm": True}, "lorm-has-moved", "do_lorm"),
]  # fmt: skip
CASES = [*FLAGS, *MEDIA, *REST]
TESTED = {"guiding-a-distilled-model"} | {code for _, code, _ in CASES}


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))


def made(values: Values) -> Document:
    document = Document.parse(BASE, file="base.yaml")
    for path, value in values.items():
        document.set(path, value)
    return document


def findings(values: Values) -> list[Finding]:
    return check_document(made(values), files=False)


@pytest.mark.parametrize(("values", "code", "path"), CASES, ids=lambda value: str(value)[:50])
def test_a_rule_on_previews_and_files_finds_its_fault(values: Values, code: str, path: str) -> None:
    assert [f for f in made(values).findings if f.severity != "hint"] == []
    hits = [f for f in findings(values) if f.code == code]
    assert [f.path for f in hits] == [path], [f.sentence() for f in findings(values)]
    assert hits[0].severity == next(r.severity for r in RULES if r.code == code)


@pytest.mark.parametrize(("values", "code", "path"), CASES, ids=lambda value: str(value)[:50])
def test_a_repair_that_is_offered_takes_the_fault_away(
    values: Values, code: str, path: str
) -> None:
    (finding,) = [f for f in findings(values) if f.code == code]
    if finding.suggestion is not None:
        document = made(values)
        document.set(path, Document.parse(f"x: {finding.suggestion}").raw["x"])
        assert code not in {f.code for f in check_document(document, files=False)}


def test_rules_on_previews_and_files_are_silent_where_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "x")
    well: list[Values] = [
        prompts("a --w 512 --h 512 --n bad --seed -1 --l 1.5 --s 3 --m -20", "b -- c", ""),
        samples(width=64, seed=-1, ctrl_idx=0),
        {"sample.format": "mp4", "sample.num_frames": 9, "sample.fps": 24, "model.arch": "ltx2"},
        {"sample.format": "wav", **SONG},
        {"sample.sampler": "flowmatch", "model.arch": "flux"},
        {"sample.sampler": "k_dpmsolver++", "sample.sample_start_step": 100},
        {**samples(ctrl_img="x.png"), "model.arch": "flux_kontext"},
        {**samples(), "model.arch": "flux_kontext", "train.disable_sampling": True},
        {"save.save_format": "ckpt", "network": None, "model.arch": "sdxl"},
        {"save.save_format": "diffusers", "train.merge_network_on_save": True},
        {"save.push_to_hub": True, "save.hf_repo_id": "some-one/a.model_1"},
        {"logging.use_wandb": True, "logging.use_ui_logger": True, "logging.log_every": None},
        {"do_lorm": False},
    ]  # fmt: skip
    for values in well:
        codes = {f.code for f in findings(values)}
        assert not codes & (TESTED | {"format-is-for-full-models"}), (values, codes)


@pytest.mark.parametrize(
    ("name", "distilled"),
    [("black-forest-labs/FLUX.1-schnell", True), ("Tongyi-MAI/Z-Image-Turbo", True),
     ("sdxl_lightning_4step.safetensors", True), ("ostris/Z-Image-De-Turbo", False), ("m", False)],
)  # fmt: skip
def test_a_distilled_model_is_drawn_without_guidance(name: str, distilled: bool) -> None:
    path = "sample.guidance_scale"
    found = [f.path for f in findings({"model.name_or_path": name, path: 4.0})
             if f.code == "guiding-a-distilled-model"]  # fmt: skip
    assert found == [path] * distilled
    for less in ({path: 1.0}, {}):
        codes = {f.code for f in findings({"model.name_or_path": name, **less})}
        assert "guiding-a-distilled-model" not in codes


@pytest.mark.parametrize(
    ("values", "path"),
    [({"sample.do_cfg_norm": True}, "sample.do_cfg_norm"),
     (samples(do_cfg_norm=True), "sample.samples[0].do_cfg_norm")],
)  # fmt: skip
def test_guidance_is_normalised_by_the_one_family_that_does_it(values: Values, path: str) -> None:
    for arch in ("sd1", "sdxl", "flux"):
        codes = {f.code for f in findings({**values, "model.arch": arch}) if f.path == path}
        assert codes == {"not-for-this-model"}
    codes = {f.code for f in findings({**values, "model.arch": "qwen_image_edit_plus"})}
    assert "not-yet" in codes


@pytest.mark.parametrize(
    "name", ["me", "me/", "/x", "a/b/c", "-me/x", "me/x.", "me/x y", "me/" + "x" * 97]
)
def test_a_repository_is_named_by_owner_and_name(name: str) -> None:
    (finding,) = made({"save.hf_repo_id": name}).findings
    assert (finding.path, finding.code) == ("save.hf_repo_id", "bad-format")
    assert "owner/name" in finding.message


def test_a_token_is_looked_for_where_the_hub_looks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not token_is_there()
    (tmp_path / "token").write_text("x")
    assert token_is_there()
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "elsewhere"))
    assert not token_is_there()
    monkeypatch.setenv("HF_TOKEN", "x")
    assert token_is_there()


def test_what_waits_for_the_engine_is_refused_and_the_default_is_not() -> None:
    waiting = {
        "sample.num_frames": 9, "sample.sampler": "flowmatch", "datasets[0].num_frames": 5,
        "sample.format": "webp", "model.arch": "wan21",
    }  # fmt: skip
    refused = {f.path for f in findings(waiting) if f.code == "not-yet"}
    assert refused == waiting.keys() - {"sample.format", "sample.sampler"}
    written = {"logging.project_name": "mine", "datasets[0].do_i2v": True, "sample.fps": 16}
    assert "not-yet" not in {f.code for f in findings(written)}
