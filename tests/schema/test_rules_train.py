"""Rules on training: each finds what it is for, at the right place, and is silent otherwise."""

from typing import Any

import pytest

from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.rules import RULES, Scope
from schema.sections.job import TrainerProcess
from tests.schema.conftest import BASE

Values = dict[str, Any]

BATCHES: list[tuple[Values, str, str]] = [
    ({"auto_scale_batch_size": True, "min_batch_size": 2}, "batch-sizes-in-order",
     "train.min_batch_size"),
    ({"auto_scale_batch_size": True, "batch_size": 8, "max_batch_size": 4},
     "batch-sizes-in-order", "train.max_batch_size"),
    ({"auto_scale_batch_size": True, "single_item_batching": True}, "automatic-batches-of-one",
     "train.auto_scale_batch_size"),
    ({"do_paramiter_swapping": True}, "swapping-needs-its-optimizer",
     "train.do_paramiter_swapping"),
    ({"do_paramiter_swapping": True, "optimizer": "automagic", "gradient_accumulation_steps": 2},
     "swapping-while-accumulating", "train.gradient_accumulation_steps"),
    ({"optimizer": "automagic2", "gradient_accumulation": 4}, "no-accumulation-inside-backward",
     "train.gradient_accumulation"),
    ({"optimizer": "automagic3", "gradient_accumulation_steps": 4},
     "no-accumulation-inside-backward", "train.gradient_accumulation_steps"),
    ({"optimizer": "automagic3", "max_grad_norm": 0.5}, "no-clipping-inside-backward",
     "train.max_grad_norm"),
    ({"single_item_batching": True, "model.refiner_name_or_path": "r"},
     "single-items-with-a-refiner", "train.single_item_batching"),
    ({"single_item_batching": True, "short_and_long_captions": True},
     "single-items-with-two-captions", "train.single_item_batching"),
    ({"datasets[0].gpu_prefetch_batches": 2, "auto_scale_batch_size": True},
     "batches-of-unknown-size-ahead", "datasets[0].gpu_prefetch_batches"),
    ({"weight_jitter": 0.5, "network": None}, "jitter-without-a-network", "train.weight_jitter"),
    ({"xformers": True, "attention_backend": "flex"}, "two-attentions", "train.xformers"),
    ({"attention_backend": "sage_hub"}, "attention-that-cannot-train", "train.attention_backend"),
    ({"attention_backend": "_native_xla"}, "attention-of-other-machines",
     "train.attention_backend"),
    ({"attention_backend": "flash", "dtype": "fp32"}, "flash-attention-in-half-precision",
     "train.attention_backend"),
    ({"dtype": "e4m3fn"}, "no-training-in-eight-bits", "train.dtype"),
    ({"merge_network_on_save": True, "ema_config": {"use_ema": True}}, "merging-an-average",
     "train.merge_network_on_save"),
    ({"merge_network_on_save": True, "model.layer_offloading": True},
     "merging-into-offloaded-layers", "train.merge_network_on_save"),
    ({"start_step": 100}, "start-after-the-end", "train.start_step"),
    ({"reg_weight": 0.5}, "nothing-is-regularized", "train.reg_weight"),
    ({"content_or_style_reg": "style"}, "nothing-is-regularized", "train.content_or_style_reg"),
    ({"model.arch": "wan22_14b", "switch_boundary_every": 3, "gradient_accumulation": 2},
     "stage-splits-an-update", "train.switch_boundary_every"),
]  # fmt: skip

RATES: list[tuple[Values, str, str]] = [
    ({"optimizer": "automagic", "lr_scheduler": "cosine"}, "schedule-without-effect",
     "train.lr_scheduler"),
    ({"optimizer": "prodigy"}, "rate-is-a-multiplier", "train.lr"),
    ({"optimizer": "prodigy8bit", "lr": 1.0, "unet_lr": 0.5}, "one-rate-for-all-parts",
     "train.unet_lr"),
    ({"optimizer": "dadaptation", "lr": 1.0, "text_encoder_lr": 0.5}, "one-rate-for-all-parts",
     "train.text_encoder_lr"),
    ({"optimizer": "automagic3", "dtype": "fp16"}, "no-loss-scale-inside-backward", "train.dtype"),
    ({"optimizer": "automagic2", "lr": 0.01}, "start-rate-is-replaced", "train.lr"),
    ({"optimizer": "automagic", "optimizer_params": {"min_lr": 0.1}}, "steered-rates-in-order",
     "train.optimizer_params.min_lr"),
    ({"optimizer": "automagicexperiment", "optimizer_params": {"betas": [0.9, 0.99]}},
     "no-momentum", "train.optimizer_params.betas"),
]  # fmt: skip

NOISE: list[tuple[Values, str, str]] = [
    ({"noise_scheduler": "flowmatch"}, "noise-of-another-kind", "train.noise_scheduler"),
    ({"model.arch": "flux", "noise_scheduler": "euler"}, "noise-of-another-kind",
     "train.noise_scheduler"),
    ({"model.arch": "flux", "noise_scheduler": "mean_flow"}, "mean-flow-goes-together",
     "train.noise_scheduler"),
    ({"loss_type": "mean_flow"}, "mean-flow-goes-together", "train.loss_type"),
    ({"timestep_type": "next_sample"}, "next-sample-needs-flow", "train.timestep_type"),
    ({"timestep_type": "flux_shift"}, "timestep-type-is-for-flow", "train.timestep_type"),
    ({"timestep_type": "two_step", "num_train_timesteps": 500},
     "fixed-steps-need-the-full-table", "train.num_train_timesteps"),
    ({"num_train_timesteps": 500, "max_denoising_steps": 900}, "index-beyond-the-table",
     "train.max_denoising_steps"),
    ({"num_train_timesteps": 500, "min_denoising_steps": 700}, "index-beyond-the-table",
     "train.min_denoising_steps"),
    ({"timestep_type": "one_step", "min_denoising_steps": 9}, "noise-range-is-ignored",
     "train.min_denoising_steps"),
    ({"model.arch": "flux", "timestep_type": "next_sample", "num_train_timesteps": 9},
     "noise-range-is-ignored", "train.num_train_timesteps"),
    ({"model.arch": "flux", "timestep_type": "one_step", "linear_timesteps2": True},
     "bell-weighs-nothing", "train.linear_timesteps2"),
    ({"model.arch": "flux", "timestep_type": "next_sample", "linear_timesteps": True},
     "bell-weighs-nothing", "train.linear_timesteps"),
    ({"model.arch": "flux", "timestep_type": "shift", "linear_timesteps": True},
     "bell-needs-even-levels", "train.timestep_type"),
    ({"model.arch": "flux", "timestep_type": "weighted", "linear_timesteps2": True},
     "bell-weights-are-overruled", "train.linear_timesteps2"),
    ({"model.arch": "flux", "linear_timesteps": True, "linear_timesteps2": True},
     "bell-weights-are-overruled", "train.linear_timesteps"),
    ({"noise_offset": 0.1, "force_consistent_noise": True}, "noise-offset-is-left-out",
     "train.noise_offset"),
    ({"noise_offset": 0.1, "optimal_noise_pairing_samples": 4}, "noise-offset-is-left-out",
     "train.noise_offset"),
    ({"optimal_noise_pairing_samples": 4, "force_consistent_noise": True},
     "consistent-noise-is-overruled", "train.force_consistent_noise"),
    ({"model.arch": "wan21", "noise_offset": 0.1}, "noise-of-pictures-only",
     "train.noise_offset"),
    ({"img_multiplier": 0.5, "datasets[0].cache_latents": True}, "pixels-are-cached",
     "train.img_multiplier"),
    ({"standardize_images": True, "datasets[1].cache_latents_to_disk": True},
     "pixels-are-cached", "train.standardize_images"),
    ({"latent_multiplier": 2.0, "adaptive_scaling_factor": True},
     "latent-multiplier-is-replaced", "train.latent_multiplier"),
    ({"do_batch_noise_correction": True}, "batch-noise-needs-two",
     "train.do_batch_noise_correction"),
    ({"do_blank_stabilization": True}, "no-blank-prompts", "train.do_blank_stabilization"),
    ({"do_blank_stabilization": True, "unload_text_encoder": True}, "nothing-but-blank-prompts",
     "train.do_blank_stabilization"),
]  # fmt: skip

LOSSES: list[tuple[Values, str, str]] = [
    ({"loss_type": "wavelet"}, "needs-flow-matching", "train.loss_type"),
    ({"do_signal_amplification": True}, "needs-flow-matching", "train.do_signal_amplification"),
    ({"t0_loss_target": True}, "needs-flow-matching", "train.t0_loss_target"),
    ({"do_fft_loss": True}, "needs-flow-matching", "train.do_fft_loss"),
    ({"latent_feature_extractor_path": "v10"}, "needs-flow-matching",
     "train.latent_feature_extractor_path"),
    ({"model.arch": "flux", "min_snr_gamma": 5.0}, "snr-needs-a-noise-table",
     "train.min_snr_gamma"),
    ({"snr_gamma": 5.0, "min_snr_gamma": 5.0}, "one-snr-weight-counts", "train.min_snr_gamma"),
    ({"learnable_snr_gos": True, "snr_gamma": 5.0}, "one-snr-weight-counts", "train.snr_gamma"),
    ({"train_turbo": True, "noise_scheduler": "euler", "learnable_snr_gos": True},
     "one-snr-weight-counts", "train.learnable_snr_gos"),
    ({"model.arch": "flux", "t0_loss_target": True, "loss_type": "stepped"},
     "clean-loss-of-another-kind", "train.t0_loss_target"),
    ({"model.arch": "flux", "t0_loss_target": True, "do_guidance_loss": True},
     "target-is-overwritten", "train.do_guidance_loss"),
    ({"loss_target": "source", "do_differential_guidance": True}, "target-is-overwritten",
     "train.do_differential_guidance"),
    ({"loss_type": "pixelspace", "correct_pred_norm": True}, "target-is-overwritten",
     "train.correct_pred_norm"),
    ({"loss_type": "pixelspace", "datasets[0].prior_reg": True}, "target-is-overwritten",
     "datasets[0].prior_reg"),
    ({"model.arch": "flux", "t0_loss_target": True, "loss_type": "pixelspace"},
     "clean-loss-of-another-kind", "train.t0_loss_target"),
    ({"loss_target": "source", "loss_type": "mae"}, "clean-error-is-squared", "train.loss_type"),
    ({"model.arch": "flux", "loss_target": "source", "do_fft_loss": True},
     "clean-error-is-squared", "train.do_fft_loss"),
    ({"train_turbo": True, "noise_scheduler": "euler", "loss_type": "pixelspace"},
     "turbo-stands-alone", "train.loss_type"),
    ({"loss_target": "unaugmented"}, "nothing-is-augmented", "train.loss_target"),
    ({"loss_target": "differential_noise", "datasets[0].cache_latents": True},
     "nothing-is-augmented", "train.loss_target"),
    ({"train_turbo": True}, "turbo-stands-alone", "train.noise_scheduler"),
    ({"train_turbo": True, "noise_scheduler": "euler", "loss_target": "source"},
     "turbo-stands-alone", "train.loss_target"),
    ({"train_turbo": True, "noise_scheduler": "euler", "match_adapter_chance": 0.5},
     "turbo-stands-alone", "train.match_adapter_chance"),
    ({"train_turbo": True, "noise_scheduler": "euler", "datasets[0].cache_latents": True},
     "turbo-needs-pixels", "train.train_turbo"),
    ({"model.arch": "flux", "diffusion_feature_extractor_path": "v11"}, "extractor-is-unknown",
     "train.diffusion_feature_extractor_path"),
    ({"model.arch": "flux", "diffusion_feature_extractor_path": "v7",
      "datasets[0].cache_latents": True}, "extractor-needs-pixels",
     "train.diffusion_feature_extractor_path"),
    ({"model.arch": "flux", "diffusion_feature_extractor_path": "v7",
      "latent_feature_extractor_path": "v8"}, "two-extractors",
     "train.latent_feature_extractor_path"),
    ({"correct_pred_norm": True, "network": None}, "norm-of-what-cannot-be-switched-off",
     "train.correct_pred_norm"),
    ({"adapter_assist_name_or_path": "x"}, "assistant-without-pictures",
     "train.adapter_assist_name_or_path"),
    ({"adapter_assist_name_or_path": "x", "datasets[0].control_path": ["a", "b"]},
     "assistant-of-one-picture", "datasets[0].control_path"),
    ({"adapter_assist_name_or_path": "x", "datasets[0].control_path": "a",
      "match_adapter_chance": 0.5, "network": None}, "matching-the-assistant",
     "train.match_adapter_chance"),
    ({"adapter_assist_name_or_path": "x", "datasets[0].control_path": "a",
      "match_adapter_chance": 1.0, "do_prior_divergence": True}, "matching-the-assistant",
     "train.match_adapter_chance"),
    ({"validation_config": {"resolution": 256}}, "validation-without-images",
     "train.validation_config"),
    ({"do_cfg": True, "cfg_scale": 3.0, "model.refiner_name_or_path": "r"},
     "refiner-without-guidance", "train.do_cfg"),
]  # fmt: skip

KEEPING: list[tuple[Values, str, str]] = [
    ({"diff_output_preservation": True, "blank_prompt_preservation": True}, "two-preservations",
     "train.blank_prompt_preservation"),
    ({"blank_prompt_preservation": True, "network": None}, "preservation-needs-a-network",
     "train.blank_prompt_preservation"),
    ({"diff_output_preservation": True}, "preservation-needs-a-trigger",
     "train.diff_output_preservation"),
    ({"diff_output_preservation": True, "trigger_word": "sks"}, "preservation-needs-a-class",
     "train.diff_output_preservation"),
    ({"diff_output_preservation": True, "train_text_encoder": True},
     "preservation-with-changing-words", "train.diff_output_preservation"),
    ({"do_prior_divergence": True, "blank_prompt_preservation": True},
     "divergence-and-preservation", "train.do_prior_divergence"),
    ({"do_prior_divergence": True, "max_grad_norm": 0.0}, "divergence-without-a-brake",
     "train.max_grad_norm"),
    ({"do_prior_divergence": True, "loss_type": "pixelspace"}, "divergence-of-another-kind",
     "train.do_prior_divergence"),
    ({"do_prior_divergence": True, "train_turbo": True, "noise_scheduler": "euler"},
     "divergence-of-another-kind", "train.do_prior_divergence"),
    ({"do_prior_divergence": True, "network": None}, "prior-needs-something-to-switch-off",
     "train.do_prior_divergence"),
    ({"inverted_mask_prior": True}, "mask-prior-without-masks", "train.inverted_mask_prior"),
]  # fmt: skip

GUIDANCE: list[tuple[Values, str, str]] = [
    ({"do_random_cfg": True}, "random-guidance-without-a-range", "train.do_random_cfg"),
    ({"do_cfg": True}, "guidance-of-one", "train.do_cfg"),
    ({"cfg_scale": 3.5}, "guidance-scale-for-nobody", "train.cfg_scale"),
    ({"model.arch": "flux", "cfg_scale": 3.5, "bypass_guidance_embedding": True},
     "guidance-scale-for-nobody", "train.cfg_scale"),
    ({"model.arch": "flux", "cfg_scale": 3.5, "model.use_flux_cfg": True},
     "guidance-scale-for-nobody", "train.cfg_scale"),
    ({"do_cfg": True, "cfg_scale": 3.0, "adapter_assist_name_or_path": "x",
      "adapter_assist_type": "control_net"}, "guidance-with-a-control-net", "train.do_cfg"),
    ({"do_guidance_loss": True, "guidance_loss_target": [4.0, 2.0]}, "guidance-range-in-order",
     "train.guidance_loss_target"),
    ({"model.arch": "flux", "bypass_guidance_embedding": True, "do_guidance_loss": True},
     "guidance-loss-needs-the-input", "train.bypass_guidance_embedding"),
    ({"do_cfg": True, "negative_prompt": "x", "cache_text_embeddings": True},
     "negative-prompt-is-not-read", "train.negative_prompt"),
    ({"do_differential_guidance": True, "differential_guidance_scale": 1.0},
     "differential-guidance-of-one", "train.differential_guidance_scale"),
]  # fmt: skip

CAPTIONS: list[tuple[Values, str, str]] = [
    ({"model.arch": "sdxl", "prompt_dropout_prob": 0.5, "cache_text_embeddings": True},
     "prompts-are-fixed", "train.prompt_dropout_prob"),
    ({"prompt_saturation_chance": 0.5, "unload_text_encoder": True}, "captions-are-not-read",
     "train.prompt_saturation_chance"),
    ({"datasets[0].replacements": ["a|b"], "unload_text_encoder": True}, "captions-are-not-read",
     "datasets[0].replacements"),
    ({"short_and_long_captions": True, "unload_text_encoder": True}, "two-captions-are-fixed",
     "train.short_and_long_captions"),
    ({"model.arch": "sdxl", "short_and_long_captions_encoder_split": True,
      "cache_text_embeddings": True}, "two-captions-are-fixed",
     "train.short_and_long_captions_encoder_split"),
    ({"model.arch": "sdxl", "short_and_long_captions": True,
      "short_and_long_captions_encoder_split": True}, "two-ways-of-two-captions",
     "train.short_and_long_captions_encoder_split"),
    ({"model.arch": "qwen_image_edit", "unload_text_encoder": True},
     "words-depend-on-the-picture", "train.unload_text_encoder"),
]  # fmt: skip

ABSENT = {
    "automatic-batches-of-a-dataset": ("datasets[0].batch_size", 2),
    "guidance-with-guided-datasets": ("datasets[0].guidance_type", "tnt"),
}
"""Rules that look at options of other sections, tested in a test of their own below."""

CASES = [*BATCHES, *RATES, *NOISE, *LOSSES, *KEEPING, *GUIDANCE, *CAPTIONS]
TESTED = {code for _, code, _ in CASES} | set(ABSENT)


def made(values: Values) -> Document:
    """The small config with values under `train.`, or elsewhere by a path with a dot."""
    document = Document.parse(BASE, file="base.yaml")
    for path, value in values.items():
        bare = "." not in path and path not in ("network", "trigger_word", "embedding")
        document.set(f"train.{path}" if bare else path, value)
    return document


def findings(values: Values) -> list[Finding]:
    document = made(values)
    assert document.findings == []
    return check_document(document, files=False)


@pytest.mark.parametrize(("values", "code", "path"), CASES, ids=lambda value: str(value)[:60])
def test_a_rule_finds_its_fault_where_it_is(values: Values, code: str, path: str) -> None:
    hits = [finding for finding in findings(values) if finding.code == code]
    assert [hit.path for hit in hits] == [path], [f.sentence() for f in findings(values)]
    (rule,) = [rule for rule in RULES if rule.code == code]
    assert hits[0].severity == rule.severity
    assert (hits[0].line, hits[0].column) == made(values).place(path)


@pytest.mark.parametrize(("values", "code", "path"), CASES, ids=lambda value: str(value)[:60])
def test_its_suggestion_mends_the_fault(values: Values, code: str, path: str) -> None:
    hit = next(finding for finding in findings(values) if finding.code == code)
    if hit.suggestion is None:
        return
    document = made(values)
    document.set(path, Document.parse(f"value: {hit.suggestion}").data["value"])
    assert code not in {finding.code for finding in check_document(document, files=False)}


def test_what_goes_together_is_left_alone() -> None:
    plain: list[Values] = [
        {"auto_scale_batch_size": True, "batch_size": 4, "min_batch_size": 2, "max_batch_size": 8},
        {"do_paramiter_swapping": True, "optimizer": "adafactor"},
        {"optimizer": "automagic3", "optimizer_params": {"fused": False},
         "gradient_accumulation": 4},
        {"model.arch": "flux", "timestep_type": "weighted", "min_denoising_steps": 5},
        {"noise_offset": 0.1, "batch_size": 2, "do_batch_noise_correction": True},
        {"optimizer": "prodigy", "lr": 1.0, "unet_lr": 0.0},
        {"diff_output_preservation": True, "diff_output_preservation_class": "dog",
         "trigger_word": "sks"},
        {"do_random_cfg": True, "max_cfg_scale": 4.0, "negative_prompt": "x"},
        {"train_turbo": True, "noise_scheduler": "k_euler"},
        {"do_guidance_loss": True, "guidance_loss_target": [1.0, 3.0],
         "do_differential_guidance": True},
    ]  # fmt: skip
    for values in plain:
        codes = {f.code for f in findings(values)} - {"not-yet", "rate-of-zero"}
        assert not codes & TESTED, values


def test_an_option_that_needs_one_of_several_says_which() -> None:
    (finding,) = [f for f in findings({"cfg_rescale": 2.0}) if f.code == "needs-another-option"]
    assert "train.do_cfg or train.do_random_cfg" in finding.message
    codes = {f.code for f in findings({"cfg_rescale": 2.0, "do_cfg": True, "cfg_scale": 2.0})}
    assert "needs-another-option" not in codes


def test_an_option_of_another_kind_of_model_is_no_error_beside_that() -> None:
    found = findings({"linear_timesteps": True})
    assert [(f.code, f.severity) for f in found] == [("not-for-this-model", "warning")]
    assert findings({"linear_timesteps": False}) == []


def codes_with(values: Values, **of_dataset: Any) -> set[str]:
    """Codes of the rules on a config whose first dataset has further values."""
    job = made(values).typed()
    process = job.config.process[0]
    assert isinstance(process, TrainerProcess)
    first = process.datasets[0].model_copy(update=of_dataset)
    process = process.model_copy(update={"datasets": [first]})
    scope = Scope(job, process, made(values).is_set)
    return {problem.code for rule in RULES for problem in rule.apply(scope)}


def test_rules_on_training_look_at_the_datasets() -> None:
    auto = {"auto_scale_batch_size": True, "datasets[0].buckets": False}
    assert "automatic-batches-of-a-dataset" in codes_with(auto, batch_size=2)
    assert "automatic-batches-of-a-dataset" not in codes_with(auto, batch_size=None)
    guided = {"do_cfg": True, "cfg_scale": 2.0}
    pairs = {"unconditional_path": "u", "guidance_type": "tnt"}
    assert "guidance-with-guided-datasets" in codes_with(guided, **pairs)
    pairs["guidance_type"] = "direct"
    assert "guidance-with-guided-datasets" not in codes_with(guided, **pairs)
    assert "nothing-is-regularized" not in codes_with({"reg_weight": 0.5}, is_reg=True)
    assert "mask-prior-without-masks" not in codes_with(
        {"inverted_mask_prior": True}, mask_path="m"
    )
    turbo = {"train_turbo": True, "noise_scheduler": "euler"}
    assert "turbo-stands-alone" in codes_with(turbo, prior_reg=True)
    assert "turbo-stands-alone" not in codes_with(turbo, prior_reg=False)


def test_an_embedding_needs_the_text_encoder_and_is_something_to_train() -> None:
    section = {"trigger": "sks", "tokens": 2}
    values = {"embedding": section, "cache_text_embeddings": True, "train_unet": False}
    codes = {finding.code for finding in findings(values)}
    assert "embedding-needs-the-text-encoder" in codes
    assert "nothing-to-train" not in codes
    kept = {"embedding": section, "diff_output_preservation": True}
    assert "preservation-with-changing-words" in {f.code for f in findings(kept)}
