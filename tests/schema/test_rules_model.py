"""Rules on model, network and families: each finds its fault, at its place, and nothing else."""

from typing import Any

import pytest

from schema.check import check_document
from schema.document import Document
from schema.findings import Finding, has_errors
from schema.rules import RULES
from tests.schema.conftest import BASE

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"model.is_xl": True}, "flag-names-another-family", "model.is_xl"),
    ({"model.arch": "flux", "model.is_v_pred": True}, "not-of-this-family", "model.is_v_pred"),
    ({"model.arch": "prx_pixel", "model.vae_path": "v"}, "not-of-this-family", "model.vae_path"),
    ({"model.attn_masking": True}, "not-of-this-family", "model.attn_masking"),
    ({"model.arch": "qwen_image", "model.split_model_over_gpus": True}, "not-of-this-family",
     "model.split_model_over_gpus"),
    ({"model.arch": "hidream", "model.quantize": True,
      "model.accuracy_recovery_adapter": "a/b/c.safetensors"}, "not-of-this-family",
     "model.accuracy_recovery_adapter"),
    ({"model.arch": "flux", "network.network_kwargs": {"full_train_in_out": True}},
     "not-of-this-family", "network.network_kwargs.full_train_in_out"),
    ({"model.model_kwargs": {"noise_scale": 4.0}}, "not-of-this-family",
     "model.model_kwargs.noise_scale"),
    ({"model.arch": "sdxl", "model.refiner_name_or_path": "r", "train.do_cfg": True},
     "refiner-trains-plainly", "train.do_cfg"),
    ({"model.arch": "sdxl", "model.refiner_name_or_path": "r", "network": None,
      "train.max_denoising_steps": 600, "train.min_denoising_steps": 300},
     "each-model-has-noise-levels", "model.refiner_start_at"),
    ({"model.arch": "sdxl", "model.experimental_xl": True}, "experiment-without-content",
     "model.experimental_xl"),
    ({"model.lora_path": "a", "model.assistant_lora_path": "b"}, "base-or-assistant-lora",
     "model.assistant_lora_path"),
    ({"model.inference_lora_path": "a", "model.assistant_lora_path": "b"},
     "assistant-or-preview-lora", "model.inference_lora_path"),
    ({"model.arch": "krea2", "model.vae_path": "a", "model.model_kwargs": {"vae_path": "b"}},
     "part-is-given-twice", "model.model_kwargs.vae_path"),
    ({"model.arch": "krea2", "model.te_name_or_path": "a",
      "model.model_kwargs": {"text_encoder_path": "b"}},
     "part-is-given-twice", "model.model_kwargs.text_encoder_path"),
    ({"model.arch": "sdxl", "train.train_text_encoder": True, "model.use_text_encoder_1": False,
      "model.use_text_encoder_2": False}, "no-text-encoder-left", "model.use_text_encoder_1"),
    ({"model.arch": "flux", "model.te_dtype": "fp16"}, "t5-overflows", "model.te_dtype"),
    ({"model.arch": "sd3", "train.dtype": "fp16"}, "t5-overflows", "train.dtype"),
    ({"model.arch": "zimage", "model.dtype": "float16"}, "half-precision-of-a-flow-model",
     "model.dtype"),
    ({"model.ignore_if_contains": ["attn"]}, "filter-is-for-full-training",
     "model.ignore_if_contains"),
    ({"network": None, "model.only_if_contains": []}, "filter-lets-nothing-through",
     "model.only_if_contains"),
    ({"model.arch": "flux", "model.use_flux_cfg": True, "train.do_guidance_loss": True},
     "guidance-is-real-or-distilled", "model.use_flux_cfg"),
    ({"model.arch": "flux", "model.compile": True}, "compiling-block-by-block", "model.compile"),
    ({"model.compile": True, "model.compile_dynamic": False}, "compiled-once-for-each-size",
     "model.compile_dynamic"),
    ({"model.arch": "flux", "model.quantize": True, "model.layer_offloading": True,
      "model.compile": True, "model.block_compile": True, "model.compile_fullgraph": True},
     "full-graph-is-off", "model.compile_fullgraph"),
    ({"model.arch": "zimage", "model.name_or_path": "Tongyi-MAI/Z-Image-Turbo"},
     "goes-with-this-model", "model.name_or_path"),
    ({"model.arch": "hidream"}, "layers-usually-left-out", "network"),
    ({"model.name_or_path": "Qwen/Qwen-Image"}, "name-sounds-like-another-family", "model.arch"),
    ({"model.arch": "flux", "network": None, "model.quantize": True},
     "quantized-weights-do-not-train", "model.quantize"),
    ({"model.arch": "flux", "network": None, "model.quantize_te": True,
      "train.train_text_encoder": True}, "quantized-text-encoder-does-not-train",
     "model.quantize_te"),
    ({"model.arch": "pixart", "model.text_encoder_bits": 8, "train.train_text_encoder": True},
     "few-bits-do-not-train", "model.text_encoder_bits"),
    ({"model.arch": "qwen_image", "model.quantize": True, "model.qtype": "uint3|a/b/c|d/e/f"},
     "one-recovery-adapter", "model.qtype"),
    ({"model.arch": "qwen_image", "model.quantize": True,
      "model.accuracy_recovery_adapter": "a/b/c", "model.assistant_lora_path": "x"},
     "recovery-or-assistant", "model.accuracy_recovery_adapter"),
    ({"model.arch": "qwen_image", "model.quantize": True, "model.qtype": "uint4|ostris/"
      "accuracy_recovery_adapters/qwen_image_torchao_uint3.safetensors"},
     "recovery-was-made-for-another-type", "model.qtype"),
    ({"model.arch": "qwen_image", "model.quantize": True, "model.accuracy_recovery_adapter":
      "ostris/accuracy_recovery_adapters/wan22_14b_t2i_torchao_uint4.safetensors"},
     "recovery-was-made-for-another-type", "model.accuracy_recovery_adapter"),
    ({"model.layer_offloading": True, "train.merge_network_on_save": True},
     "streamed-layers-cannot-be-merged", "model.layer_offloading"),
    ({"network.layer_offloading": True, "train.merge_network_on_save": True},
     "streamed-layers-cannot-be-merged", "network.layer_offloading"),
    ({"model.arch": "flux", "model.layer_offloading": True, "model.split_model_over_gpus": True},
     "split-or-streamed", "model.split_model_over_gpus"),
    ({"model.arch": "flux", "network": None, "model.split_model_over_gpus": True},
     "split-models-train-a-network", "model.split_model_over_gpus"),
    ({"config.process[0].device": "cpu", "model.low_vram": True}, "nothing-to-save-on-a-cpu",
     "model.low_vram"),
    ({"model.arch": "wan22_14b",
      "model.model_kwargs": {"train_high_noise": False, "train_low_noise": False}},
     "no-expert-left", "model.model_kwargs.train_low_noise"),
    ({"model.arch": "krea2", "model.model_kwargs": {"max_text_length": 0}}, "prompt-of-no-length",
     "model.model_kwargs.max_text_length"),
    ({"model.arch": "minimax_h3", "model.model_kwargs": {"partition": "ref2va"}},
     "partition-fits-the-task", "model.model_kwargs.partition"),
    ({"model.arch": "minimax_h3_ref2va", "model.model_kwargs": {"partition": "fl2va"}},
     "partition-fits-the-task", "model.model_kwargs.partition"),
    ({"model.arch": "minimax_h3_ref2va",
      "model.model_kwargs": {"image_refs_as_video": True, "image_ref_video_frames": 6}},
     "reference-clip-frames", "model.model_kwargs.image_ref_video_frames"),
    ({"model.arch": "flux_kontext", "datasets[1].control_path": "c"}, "control-image-is-missing",
     "datasets[0].folder_path"),
    ({"model.arch": "krea2", "model.model_kwargs": {"edit": True},
      "datasets[0].control_path": "c"}, "control-image-is-missing", "datasets[1].folder_path"),
    ({"model.arch": "flux_kontext", "datasets[0].control_path": ["c", "d"],
      "datasets[1].control_path": "c"}, "more-controls-than-fit", "datasets[0].control_path"),
    ({"model.arch": "flux", "train.train_text_encoder": True, "model.use_text_encoder_1": False},
     "t5-is-not-trained", "model.use_text_encoder_1"),
    ({"network.linear_alpha": 8, "network.alpha": 2}, "alpha-is-overruled", "network.alpha"),
    ({"model.arch": "flux", "network.linear_alpha": 4}, "alpha-is-not-kept",
     "network.linear_alpha"),
    ({"model.arch": "flux", "network.type": "locon"}, "network-fits-the-model", "network.type"),
    ({"network.type": "lorm"}, "lorm-needs-its-settings", "network.type"),
    ({"network": {"type": "lorm", "lorm": {"extract_mode": "fixed", "extract_mode_param": 0.5}}},
     "lorm-parameter", "network.lorm.extract_mode_param"),
    ({"network": {"type": "lorm", "lorm": {"extract_mode_param": 4.0}}}, "lorm-parameter",
     "network.lorm.extract_mode_param"),
    ({"network": {"type": "lorm", "lorm": {"module_settings": [
        {"contains": "attn1", "extract_mode": "fixed", "extract_mode_param": 2.5}]}}},
     "lorm-parameter", "network.lorm.module_settings[0].extract_mode_param"),
    ({"network": {"type": "lorm", "lorm": {}}, "model.layer_offloading": True},
     "lorm-needs-whole-weights", "model.layer_offloading"),
    ({"network.type": "dora", "train.merge_network_on_save": True}, "type-cannot-be-merged",
     "train.merge_network_on_save"),
    ({"network": {"type": "lokr", "lokr_factor": 0}}, "lokr-factor-splits",
     "network.lokr_factor"),
    ({"network": {"type": "lokr", "linear": 8}}, "rank-does-not-count", "network.linear"),
    ({"network.network_kwargs": {"modules_dim": {"a": 4}, "modules_alpha": {"b": 4}}},
     "alpha-of-an-unknown-layer", "network.network_kwargs.modules_alpha"),
    ({"network.network_kwargs": {"block_dims": [0] * 25}}, "no-block-left",
     "network.network_kwargs.block_dims"),
    ({"network.network_kwargs": {"only_if_contains": ["attn1"], "ignore_if_contains": ["attn"]}},
     "filters-cancel-out", "network.network_kwargs.only_if_contains"),
    ({"model.arch": "flux", "network": {"all_layers": True, "network_kwargs": {
        "peft_format": False}}}, "full-size-has-no-kohya-name",
     "network.network_kwargs.peft_format"),
    ({"network.network_kwargs": {"full_train_in_out": True}, "train.train_unet": False,
      "train.train_text_encoder": True}, "in-and-out-of-a-frozen-model",
     "network.network_kwargs.full_train_in_out"),
    ({"network": {"type": "locon", "network_kwargs": {"use_cp": True, "peft_format": True}}},
     "kernels-to-factorise", "network.network_kwargs.use_cp"),
    ({"network": {"type": "locon", "conv": 0, "network_kwargs": {"use_cp": True}}},
     "kernels-to-factorise", "network.network_kwargs.use_cp"),
    ({"network.network_kwargs": {"modules_dim": {"a": 4}, "conv_block_dims": [4] * 25}},
     "explicit-ranks-or-those-by-block", "network.network_kwargs.conv_block_dims"),
]  # fmt: skip

TESTED = {code for _, code, _ in CASES}


def changed(values: dict[str, Any]) -> Document:
    document = Document.parse(BASE, file="base.yaml")
    for path, value in values.items():
        document.set(path, value)
    return document


def findings(values: dict[str, Any]) -> list[Finding]:
    document = changed(values)
    assert not has_errors(document.findings)
    return check_document(document, files=False)


@pytest.mark.parametrize(("values", "code", "where"), CASES, ids=lambda value: str(value)[:50])
def test_a_rule_finds_its_fault(values: dict[str, Any], code: str, where: str) -> None:
    found = findings(values)
    hits = [finding for finding in found if finding.code == code]
    assert [hit.path for hit in hits] == [where], [finding.sentence() for finding in found]
    assert hits[0].severity == {rule.code: rule.severity for rule in RULES}[code]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"model.arch": "vega", "model.is_xl": True}, "flag-names-another-family"),
        ({"model.arch": "flux1", "model.is_flux": True}, "flag-names-another-family"),
        ({"model.arch": "flux", "model.quantize": True}, "quantized-weights-do-not-train"),
        ({"model.arch": "flux", "network": None, "model.quantize": True,
          "train.merge_network_on_save": True}, "quantized-weights-do-not-train"),
        ({"model.arch": "sd3", "train.dtype": "fp16", "model.te_dtype": "bf16"}, "t5-overflows"),
        ({"train.dtype": "fp16"}, "t5-overflows"),
        ({"model.arch": "minimax_h3", "model.model_kwargs": {"max_text_length": 0}},
         "prompt-of-no-length"),
        ({"model.arch": "wan22_14b", "model.model_kwargs": {"train_high_noise": False}},
         "no-expert-left"),
        ({"network.type": "locon"}, "network-fits-the-model"),
        ({"model.arch": "qwen_image", "model.quantize": True, "model.qtype": "uint3|a/b/c",
          "model.accuracy_recovery_adapter": "a/b/c"}, "one-recovery-adapter"),
        ({"model.arch": "hidream", "network": {"network_kwargs": {"ignore_if_contains": ["x"]}}},
         "layers-usually-left-out"),
        ({"network.type": "lora", "train.merge_network_on_save": True}, "type-cannot-be-merged"),
        ({"network": {"type": "lokr", "linear": 8, "lokr_full_rank": False}},
         "rank-does-not-count"),
    ],
    ids=str,
)  # fmt: skip
def test_a_rule_is_silent_where_all_is_well(values: dict[str, Any], code: str) -> None:
    document = changed(values)
    assert code not in {finding.code for finding in check_document(document, files=False)}


def test_a_suggestion_of_a_rule_on_clips_is_a_frame_count_that_fits() -> None:
    kwargs = {"image_refs_as_video": True, "image_ref_video_frames": 30}
    found = findings({"model.arch": "minimax_h3_ref2va", "model.model_kwargs": kwargs})
    (hit,) = [finding for finding in found if finding.code == "reference-clip-frames"]
    assert hit.suggestion == "22"


def test_an_alpha_that_is_the_rank_is_nothing_to_talk_about_on_any_family() -> None:
    values = {"model.arch": "flux", "network": {"linear": 16, "linear_alpha": 16}}
    assert findings(values) == []
