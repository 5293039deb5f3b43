"""Rules on adapters: each finds what it is for, at the right place, and is silent otherwise."""

from typing import Any

import pytest

from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.rules import RULES
from tests.schema.process_examples import EXAMPLES

Values = dict[str, Any]

PLAIN: dict[str, Values] = {
    "t2i": {"adapter.test_img_path": "a.png"},
    "control_net": {"adapter.test_img_path": ["a.png", "b.png"]},
    "ip": {"adapter.image_encoder_path": "clip", "adapter.clip_layer": "image_embeds"},
    "ip+": {"adapter.image_encoder_path": "clip", "adapter.num_tokens": 16},
    "clip": {"adapter.image_encoder_path": "clip", "adapter.num_tokens": 4,
             "adapter.trigger_class_name": "person"},
    "ilora": {"adapter.image_encoder_path": "clip", "adapter.head_dim": 512},
    "photo_maker": {"adapter.class_names": ["man", "woman"]},
    "control_lora": {"model.arch": "flux", "adapter.test_img_path": "a.png",
                     "adapter.has_inpainting_input": True,
                     "adapter.invert_inpaint_mask_chance": 0.5},
    "i2v": {"model.arch": "wan21", "adapter.image_encoder_path": "clip",
            "adapter.i2v_do_start_frame": True},
    "ip_clip_face": {"adapter.image_encoder_path": "clip", "adapter.adapter_type": "clip_face"},
    "ipz": {"adapter.image_encoder_path": "clip", "adapter.merge_scaler": True,
            "adapter.scaler_lr": 1e-3},
    "reference": {},
    "clip_fusion": {"adapter.image_encoder_path": "clip", "adapter.quad_image": True},
    "text_encoder": {"adapter.text_encoder_path": "t5", "adapter.text_encoder_arch": "t5",
                     "adapter.num_tokens": 256},
    "llm_adapter": {"model.arch": "flux", "adapter.text_encoder_path": "llm",
                    "adapter.num_cloned_blocks": 2},
    "te_augmenter": {"adapter.image_encoder_path": "clip", "adapter.num_tokens": 16},
    "vision_direct": {"adapter.image_encoder_path": "siglip",
                      "adapter.image_encoder_arch": "siglip2", "adapter.conv_pooling": True,
                      "adapter.conv_pooling_stacks": 2},
    "single_value": {"adapter.num_tokens": 2},
    "redux": {"model.arch": "flux", "adapter.image_encoder_path": "siglip",
              "adapter.image_encoder_arch": "siglip"},
    "mean_flow": {"model.arch": "flux", "train.loss_type": "mean_flow"},
    "subpixel": {"model.arch": "flux", "adapter.subpixel_downscale_factor": 16},
}  # fmt: skip

CASES: list[tuple[str, Values, str, str]] = [
    ("control_lora", {"model.arch": "sd1"}, "adapter-fits-the-model", "adapter.type"),
    ("t2i", {"adapter.train": False}, "adapter-does-something", "adapter.train"),
    ("t2i", {"adapter.train": False, "adapter.name_or_path": "a", "network": None},
     "whole-model-beside-an-adapter", "adapter.train"),
    ("ip", {"adapter.image_encoder_path": None}, "pictures-need-an-encoder",
     "adapter.image_encoder_path"),
    ("clip", {"adapter.num_tokens": None}, "type-has-what-it-needs", "adapter.num_tokens"),
    ("clip", {"adapter.trigger_class_name": None}, "type-has-what-it-needs",
     "adapter.trigger_class_name"),
    ("photo_maker", {"adapter.class_names": []}, "type-has-what-it-needs", "adapter.class_names"),
    ("llm_adapter", {"adapter.text_encoder_path": None}, "type-has-what-it-needs",
     "adapter.text_encoder_path"),
    ("ilora", {"network": None}, "type-needs-a-network", "network"),
    ("mean_flow", {"train.loss_type": "mse"}, "mean-flow-needs-its-loss", "train.loss_type"),
    ("t2i", {"adapter.image_dir": None}, "control-pictures-are-there", "datasets"),
    ("ip", {"adapter.image_dir": None}, "reference-pictures-are-there", "datasets"),
    ("single_value", {"adapter.num_tokens": 3}, "values-are-there", "datasets[0].extra_values"),
    ("control_net", {"adapter.test_img_path": None, "sample": {"prompts": ["a cat"]}},
     "previews-lack-a-picture", "adapter.test_img_path"),
    ("control_lora", {"adapter.lora_config": {"linear": 8}}, "two-loras-on-the-same-layers",
     "adapter.lora_config"),
    ("t2i", {"train.merge_network_on_save": True}, "nothing-is-merged-into-a-frozen-model",
     "train.merge_network_on_save"),
    ("control_net", {"train.do_cfg": True, "train.cfg_scale": 2.0},
     "control-net-without-guidance", "train.do_cfg"),
    ("ip", {"adapter.image_encoder_arch": "siglip"}, "encoder-fits-the-type",
     "adapter.image_encoder_arch"),
    ("ip+", {"adapter.image_encoder_arch": "pixtral"}, "encoder-fits-the-type",
     "adapter.image_encoder_arch"),
    ("redux", {"adapter.image_encoder_arch": "clip"}, "encoder-fits-the-type",
     "adapter.image_encoder_arch"),
    ("vision_direct", {"adapter.image_encoder_arch": "clip"}, "encoder-fits-the-type",
     "adapter.image_encoder_arch"),
    ("ip", {"adapter.clip_layer": "last_hidden_state"}, "layer-fits-the-type",
     "adapter.clip_layer"),
    ("ip+", {"adapter.clip_layer": "image_embeds"}, "layer-fits-the-type", "adapter.clip_layer"),
    ("ip", {"adapter.train": False, "adapter.name_or_path": "a",
            "adapter.train_image_encoder": True},
     "encoder-is-trained-with-the-adapter", "adapter.train_image_encoder"),
    ("ip+", {"adapter.image_encoder_arch": "safe"}, "encoder-is-trained-with-the-adapter",
     "adapter.train_image_encoder"),
    ("ip+", {"adapter.image_encoder_arch": "convnext", "adapter.train_only_image_encoder": True,
             "adapter.name_or_path": "a",
             "adapter.train_only_image_encoder_positional_embedding": True},
     "encoder-has-positions", "adapter.train_only_image_encoder_positional_embedding"),
    ("ipz", {"adapter.train_scaler": True, "adapter.name_or_path": "a"},
     "one-way-to-train-strengths", "adapter.merge_scaler"),
    ("ip", {"adapter.train_scaler": True, "adapter.name_or_path": "a",
            "adapter.train_image_encoder": True},
     "one-way-to-train-strengths", "adapter.train_image_encoder"),
    ("ip", {"adapter.merge_scaler": True, "adapter.name_or_path": "a",
            "adapter.train_only_image_encoder": True},
     "one-way-to-train-strengths", "adapter.train_only_image_encoder"),
    ("ip", {"adapter.scaler_lr": 1e-3}, "strengths-are-trained", "adapter.scaler_lr"),
    ("vision_direct", {"adapter.quad_image": True}, "four-tiles-are-averaged",
     "adapter.quad_image"),
    ("clip_fusion", {"adapter.image_encoder_arch": "pixtral"}, "four-tiles-are-averaged",
     "adapter.quad_image"),
    ("ilora", {"adapter.image_encoder_arch": "pixtral", "adapter.pixtral_max_image_size": 500},
     "pixtral-sizes", "adapter.pixtral_max_image_size"),
    ("vision_direct", {"adapter.num_tokens": 4}, "one-way-to-pool", "adapter.num_tokens"),
    ("vision_direct", {"adapter.sparse_autoencoder_dim": 64}, "one-way-to-pool",
     "adapter.sparse_autoencoder_dim"),
    ("ilora", {"adapter.ilora_down": False, "adapter.ilora_mid": False,
               "adapter.ilora_up": False}, "ilora-drives-something", "adapter.ilora_down"),
    ("t2i", {"adapter.adapter_type": "clip_face"}, "variant-fits", "adapter.adapter_type"),
    ("t2i", {"adapter.adapter_type": "light_adapter", "model.arch": "sdxl"}, "variant-fits",
     "adapter.adapter_type"),
    ("t2i", {"adapter.downscale_factor": 8, "model.arch": "sdxl"}, "first-map-fits-the-model",
     "adapter.downscale_factor"),
    ("control_lora", {"adapter.num_control_images": 4, "datasets[0].control_path": ["a", "b"]},
     "slots-have-pictures", "datasets[0].control_path"),
    ("ip", {"adapter.train_image_encoder": True, "datasets[0].cache_clip_vision_to_disk": True},
     "cached-pictures-skip-the-encoder", "datasets[0].cache_clip_vision_to_disk"),
    ("clip_fusion", {"datasets[0].cache_clip_vision_to_disk": True},
     "cached-pictures-skip-the-encoder", "datasets[0].cache_clip_vision_to_disk"),
    # what follows from the declarations
    ("t2i", {"adapter.num_tokens": 4}, "needs-another-value", "adapter.num_tokens"),
    ("ip", {"adapter.safe_tokens": 4}, "needs-another-value", "adapter.safe_tokens"),
    ("control_lora", {"adapter.has_inpainting_input": False}, "needs-another-option",
     "adapter.invert_inpaint_mask_chance"),
]  # fmt: skip

TESTED = {code for _, _, code, _ in CASES}


def findings(kind: str, values: Values) -> list[Finding]:
    document = Document.parse(EXAMPLES["sd_trainer"], file="it.yaml")
    start = {"adapter": {"type": kind, "train": True, "image_dir": "pictures"}}
    if kind == "single_value":
        start["datasets[0].extra_values"] = [0.5, 1.0]  # type: ignore[assignment]
    for path, value in {**start, **PLAIN[kind], **values}.items():
        document.set(path, value)
    return check_document(document, files=False)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_adapter_of_every_type_breaks_no_rule(kind: str) -> None:
    codes = {f.code for f in findings(kind, {})}
    assert not codes & (TESTED | {"unknown-key", "unknown-choice"}), kind
    assert "not-yet" in codes


@pytest.mark.parametrize(("kind", "values", "code", "where"), CASES)
def test_a_rule_finds_its_fault(kind: str, values: Values, code: str, where: str) -> None:
    hits = [f for f in findings(kind, values) if f.code == code]
    assert [f.path for f in hits] == [where], [f.sentence() for f in findings(kind, values)]
    severities = {rule.code: rule.severity for rule in RULES}
    assert hits[0].severity == severities.get(code, "warning")
