"""Rules on job kinds, sliders, tools and learned words: each finds its fault and nothing else."""

from typing import Any

import pytest

from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.rules import OF_ANY_PROCESS, RULES
from tests.schema.process_examples import EXAMPLES, job

Values = dict[str, Any]
NONE: Any = object()
"""Takes the key out of the example."""

CASES: list[tuple[str, Values, str, str]] = [
    ("locon", {"job": "extension"}, "process-fits-the-job", "job"),
    ("concept_slider", {"job": "train"}, "process-fits-the-job", "job"),
    ("sd_trainer", {"config.base_model": "a"}, "key-of-another-job", "config.base_model"),
    ("locon", {"config.base_model": NONE}, "extraction-needs-two-models", "config.base_model"),
    ("locon", {"config.extract_model": NONE}, "extraction-needs-two-models",
     "config.extract_model"),
    ("locon", {"config.extract_model": "a.safetensors"}, "extraction-needs-two-models",
     "config.extract_model"),
    ("locon", {"config.output_folder": NONE}, "extraction-needs-two-models",
     "config.output_folder"),
    ("locon", {"linear": 1.5}, "rank-fits-the-rule", "linear"),
    ("lora", {"linear": 0.5}, "rank-fits-the-rule", "linear"),
    ("lora", {"filename": "a.safetensors"}, "one-name-for-the-result", "filename"),
    ("rescale_lora", {"target_weight": 0.0}, "strength-is-not-zero", "target_weight"),
    ("rescale_lora", {"current_weight": 0}, "strength-is-not-zero", "current_weight"),
    ("example_merge_extension", {"models_to_merge[1]": NONE}, "merge-has-a-sum",
     "models_to_merge"),
    ("example_merge_extension", {"models_to_merge[1].weight": -0.3}, "merge-has-a-sum",
     "models_to_merge[0].weight"),
    ("example_merge_extension", {"models_to_merge[1].arch": "sdxl"}, "merge-has-a-sum",
     "models_to_merge[1].arch"),
    ("to_folder", {"generate.prompts": []}, "something-to-draw", "generate.prompts"),
    ("batch_img2img", {"datasets": []}, "something-to-draw", "datasets"),
    ("reference_generator", {"generate.t2i_adapter_path": NONE}, "reference-needs-an-adapter",
     "generate.t2i_adapter_path"),
    ("AceStepCaptioner", {"caption.model_name_or_path2": NONE}, "music-needs-a-describer",
     "caption.model_name_or_path2"),
    ("AceStepCaptioner", {"caption.fixed_caption": "a song"}, "describer-is-not-asked",
     "caption.model_name_or_path2"),
    ("Qwen3OmniCaptioner", {"caption.compile": True}, "compiled-layers-stay", "caption.compile"),
    ("Qwen3VLCaptioner", {"caption.extensions": ["jpg", ".png"]}, "endings-without-a-dot",
     "caption.extensions[1]"),
    ("super_tagger", {"dataset_paths": []}, "tagger-has-work", "dataset_paths"),
    ("super_tagger", {"steps": []}, "tagger-has-work", "steps"),
    ("vae", {"max_steps": NONE}, "an-end-is-needed", "max_steps"),
    ("vae", {"optimizer": "adm"}, "optimizer-is-known", "optimizer"),
    ("vae", {"critic.optimizer": "adm"}, "optimizer-is-known", "critic.optimizer"),
    ("vae", {"optimizer_params": {"betaz": 1}}, "optimizer-is-known", "optimizer_params.betaz"),
    ("vae", {"sample_every": 100}, "previews-need-pictures", "sample_every"),
    ("vae", {"vae_path": NONE}, "a-vae-to-start-from", "vae_path"),
    ("vae", {"vae_type": "AutoencoderTiny"}, "tiny-has-no-distribution", "kld_weight"),
    ("vae", {"blocks_to_train": ["conv_out"]}, "encoder-trains-with-all", "train_encoder"),
    ("esrgan", {"mse_weight": 0, "tv_weight": 0, "pattern_weight": 0}, "a-loss-is-needed",
     "mse_weight"),
    ("vae", {"resolution": 100}, "sizes-divide", "resolution"),
    ("esrgan", {"zoom": 3}, "sizes-divide", "zoom"),
    ("esrgan", {"resolution": 254}, "sizes-divide", "resolution"),
    ("concept_slider", {"network": None}, "slider-needs-a-network", "network"),
    ("concept_slider", {"slider.negative_prompt": "person who is happy "}, "two-different-ends",
     "slider.positive_prompt"),
    ("concept_slider", {"slider.anchor_class": NONE}, "anchor-has-words",
     "slider.anchor_strength"),
    ("concept_slider", {"train.train_text_encoder": True}, "slider-keeps-the-text-encoder",
     "train.train_text_encoder"),
    ("concept_slider", {"train.loss_type": "mae"}, "slider-has-its-own-loss", "train.loss_type"),
    ("concept_slider", {"datasets": []}, "no-datasets", "datasets"),
    ("slider", {"slider.targets": []}, "targets-say-something", "slider.targets"),
    ("slider", {"slider.targets[0]": {"target_class": "x"}}, "targets-say-something",
     "slider.targets[0].positive"),
    ("slider", {"slider.targets[1].multiplier": 0.0}, "targets-say-something",
     "slider.targets[1].multiplier"),
    ("slider", {"slider.resolutions": [[512, 500]]}, "slider-sizes-fit-the-model",
     "slider.resolutions[0]"),
    ("slider", {"slider.use_adapter": "depth", "slider.adapter_img_dir": "maps"},
     "structure-helper-has-pictures", "slider.use_adapter"),
    ("image_reference_slider_trainer", {"slider.datasets": []}, "pairs-have-two-sides",
     "slider.datasets"),
    ("image_reference_slider_trainer", {"slider.datasets[1].neg_folder": NONE},
     "pairs-have-two-sides", "slider.datasets[1].neg_folder"),
    ("image_reference_slider_trainer", {"slider.datasets[0].pair_folder": NONE},
     "pairs-have-two-sides", "slider.datasets[0].pair_folder"),
    ("image_reference_slider_trainer", {"slider.datasets[1].pair_folder": "both"},
     "one-way-to-give-pairs", "slider.datasets[1].pair_folder"),
    ("image_reference_slider_trainer", {"slider.weight_jitter": 1.0}, "jitter-keeps-the-sign",
     "slider.weight_jitter"),
    ("concept_replacer", {"replacements[0].concept": " "}, "a-concept-to-replace",
     "replacements[0].concept"),
    ("concept_replacer", {"replacements[1].replacement": "an artist"}, "a-concept-to-replace",
     "replacements[1].replacement"),
    ("rescale_sd", {"rescale.to_resolution": 512}, "resolutions-divide",
     "rescale.to_resolution"),
    ("rescale_sd", {"rescale.to_resolution": NONE, "rescale.scale": 0.7}, "resolutions-divide",
     "rescale.scale"),
    ("sd_trainer", {"embedding": {"tokens": 2}, "train.unload_text_encoder": True,
                    "trigger_word": "x"},
     "embedding-needs-the-text-encoder", "train.unload_text_encoder"),
    ("sd_trainer", {"embedding": {}, "datasets[0].cache_text_embeddings": True},
     "embedding-needs-the-text-encoder", "datasets[0].cache_text_embeddings"),
    ("sd_trainer", {"embedding": {}, "model.arch": "flux2"}, "embedding-needs-a-token-table",
     "embedding"),
    ("sd_trainer", {"embedding": {"save_format": "pt"}, "model.arch": "sdxl"},
     "old-embedding-format", "embedding.save_format"),
    ("sd_trainer", {"embedding": {"trigger": "sks"},
                    "adapter": {"type": "clip", "trigger": "sks", "name_or_path": "x"}},
     "words-are-not-the-same", "adapter.trigger"),
    ("sd_trainer", {"decorator": {"num_tokens": 4}, "network": None}, "decorator-needs-t5",
     "decorator"),
    ("sd_trainer", {"embedding": {"trigger": "my cat"}}, "a-new-word-is-one-word",
     "embedding.trigger"),
    ("sd_trainer", {"embedding": {}, "train.merge_network_on_save": True},
     "prompts-are-learned-beside", "train.merge_network_on_save"),
    ("sd_trainer", {"embedding": {}, "network": None, "train.train_text_encoder": True},
     "prompts-are-learned-beside", "train.train_text_encoder"),
    ("sd_trainer", {"decorator": {}, "model.arch": "flux"}, "prompts-are-learned-beside",
     "decorator"),
    ("sd_trainer", {"guidance": {"positive_prompt": "a"}, "network": None},
     "guidance-needs-a-network", "guidance"),
    ("sd_trainer", {"guidance": {}}, "guidance-has-a-direction", "guidance.positive_prompt"),
    ("sd_trainer", {"guidance": {"positive_prompt": "a", "guidance_scale": 0.0}},
     "guidance-of-zero", "guidance.guidance_scale"),
    ("sd_trainer", {"guidance": {"positive_prompt": "a"},
                    "datasets[0].unconditional_path": "other"},
     "one-guided-target", "datasets[0].unconditional_path"),
    # what follows from the declarations
    ("concept_slider", {"embedding": {}}, "of-another-process", "embedding"),
    ("Qwen3VLCaptioner", {"caption.batch_size": 4}, "of-another-process", "caption.batch_size"),
    ("lora", {"disable_cp": True}, "of-another-process", "disable_cp"),
    ("locon", {"use_sparse_bias": False}, "needs-another-option", "sparsity"),
    ("to_folder", {"generate.max_images": 5}, "needs-another-option", "generate.max_images"),
    ("to_folder", {"generate.prompt_2": "x"}, "not-for-this-model", "generate.prompt_2"),
]  # fmt: skip

TESTED = {code for _, _, code, _ in CASES}


def findings(kind: str, values: Values) -> list[Finding]:
    document = Document.parse(EXAMPLES[kind], file="it.yaml")
    for path, value in values.items():
        if value is NONE:
            document.unset(path)
        else:
            document.set(path, value)
    return check_document(document, files=False)


@pytest.mark.parametrize(("kind", "values", "code", "where"), CASES)
def test_a_rule_finds_its_fault(kind: str, values: Values, code: str, where: str) -> None:
    hits = [f for f in findings(kind, values) if f.code == code]
    assert [f.path for f in hits] == [where], [f.sentence() for f in findings(kind, values)]
    severities = {rule.code: rule.severity for rule in (*RULES, *OF_ANY_PROCESS)}
    assert hits[0].severity == severities.get(code, "warning")


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_examples_break_no_rule(kind: str) -> None:
    assert not {f.code for f in findings(kind, {})} & TESTED


@pytest.mark.parametrize(
    ("kind", "values", "code"),
    [
        ("rescale_lora", {"target_weight": 0.0}, "strength-is-not-zero"),
        ("locon", {"job": "train"}, "process-fits-the-job"),
        ("vae", {"resolution": 100}, "sizes-divide"),
        ("concept_slider", {"train.train_text_encoder": True}, "slider-keeps-the-text-encoder"),
        ("Qwen3OmniCaptioner", {"caption.compile": True}, "compiled-layers-stay"),
    ],
)
def test_the_suggestion_mends_the_fault(kind: str, values: Values, code: str) -> None:
    (finding,) = [f for f in findings(kind, values) if f.code == code]
    assert finding.suggestion is not None
    mended = {"true": True, "false": False}.get(finding.suggestion, finding.suggestion)
    number = mended.replace(".", "").isdigit() if isinstance(mended, str) else False
    value = float(mended) if number and "." in mended else int(mended) if number else mended
    assert code not in {f.code for f in findings(kind, {**values, finding.path: value})}


def test_two_processes_may_not_share_a_folder_unless_their_names_differ() -> None:
    lines = ("type: vae", "vae_path: a", "max_steps: 1", "datasets: [{path: p}]")
    text = job("train", *lines, above="training_folder: out")
    trainer = "    - {type: rescale_sd, model: {name_or_path: m}, rescale: {latent_tensor_dir: d}"
    shared = check_document(Document.parse(f"{text}{trainer}}}\n"), files=False)
    assert "processes-share-a-folder" in {f.code for f in shared}
    apart = check_document(Document.parse(f"{text}{trainer}, name: other}}\n"), files=False)
    assert "processes-share-a-folder" not in {f.code for f in apart}


def test_a_rule_about_any_process_has_a_sentence_and_names_options() -> None:
    from schema.catalogue import find
    from tests.schema.test_rules import covered_elsewhere

    tested = covered_elsewhere()
    for rule in OF_ANY_PROCESS:
        assert rule.code in tested
        assert rule.test.__doc__
        assert all(find(field) for field in rule.fields), rule.code
