"""The options of `train:`: parameters by optimizer, older spellings, what follows from several."""

from typing import Any, get_args

import pytest

from schema.catalogue import find
from schema.check import check_document
from schema.document import Document
from schema.option import Section, meta_of
from schema.sections.train import Train, ValidationConfig
from schema.sections.train.optimizers import OPTIMIZER_WORDS, OptimizerName
from tests.schema.conftest import BASE


def train(**values: Any) -> Train:
    return Train.model_validate(values)


def codes(**values: Any) -> dict[str, str]:
    document = Document.parse(BASE, file="base.yaml")
    for name, value in values.items():
        document.set(f"train.{name}", value)
    return {f.path: f"{f.code}: {f.message}" for f in check_document(document, files=False)}


@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_every_optimizer_has_a_class_of_parameters_and_a_word(name: str) -> None:
    params = train(optimizer=name).optimizer_params
    assert isinstance(params, Section)
    assert params.kind == name
    assert OPTIMIZER_WORDS[name]
    assert "weight_decay" in type(params).model_fields


def test_defaults_of_parameters_are_those_of_the_optimizer() -> None:
    def value(optimizer: str, name: str) -> Any:
        return getattr(train(optimizer=optimizer).optimizer_params, name)

    assert value("lion", "betas") == [0.9, 0.99]
    assert value("ademamix8bit", "betas") == [0.9, 0.999, 0.9999]
    assert value("adam8", "decouple") is False
    assert value("adamw8", "decouple") is True
    assert value("automagic3", "max_lr") == 1e3
    assert value("automagicexperiment", "betas") == [0.0, 0.999]
    assert value("adagrad", "eps") == 1e-10
    assert value("automagic", "eps") == [1e-30, 1e-3]


def test_older_spellings_mean_the_same() -> None:
    assert train(optimizer="ProdigyOpt").optimizer == "prodigy"
    assert train(optimizer="dadaptationadam").optimizer == "dadaptation"
    assert train(timestep_type="lumina2_shift").timestep_type == "shift"
    assert train(dtype="8bit").dtype == "float8"
    unlimited = train(optimizer="prodigy", optimizer_params={"growth_rate": float("inf")})
    assert unlimited.optimizer_params.growth_rate is None  # type: ignore[union-attr]
    assert train(target_norm_std=None).target_norm_std is False


def test_a_mistyped_parameter_has_the_nearest_one() -> None:
    found = codes(optimizer="prodigy", optimizer_params={"d_coeff": 2.0})
    assert "did you mean 'd_coef'" in found["train.optimizer_params.d_coeff"]


def test_a_parameter_of_another_optimizer_is_told_apart() -> None:
    found = codes(optimizer="lion", optimizer_params={"d_coef": 2.0})
    message = found["train.optimizer_params.d_coef"]
    assert message.startswith("unknown-key")
    assert "of lion; it belongs to prodigy, prodigy8bit" in message


def test_the_likely_misspelling_of_a_misspelt_key_is_understood() -> None:
    found = codes(parameter_swapping_factor=0.5)
    assert "paramiter_swapping_factor" in found["train.parameter_swapping_factor"]


def test_options_that_follow_another_do_so_while_they_are_left_out() -> None:
    assert train(content_or_style="style").regularization_bias == "style"
    both = train(content_or_style="style", content_or_style_reg="balanced")
    assert both.regularization_bias == "balanced"
    older = train(latent_feature_extractor_path="v7", latent_feature_loss_weight=0.5)
    assert (older.feature_extractor, older.feature_weight) == ("v7", 0.5)
    newer = train(
        latent_feature_extractor_path="v7",
        latent_feature_loss_weight=0.5,
        diffusion_feature_extractor_path="v8",
        diffusion_feature_extractor_weight=1.0,
    )
    assert (newer.feature_extractor, newer.feature_weight) == ("v8", 1.0)
    assert train().matching_chance == 0
    assert train(match_adapter_assist=True).matching_chance == 1
    assert train(match_adapter_assist=True, match_adapter_chance=0.5).matching_chance == 0.5


def test_a_guidance_target_is_one_number_or_two() -> None:
    assert train(guidance_loss_target=2).guidance_loss_target == 2
    assert train(guidance_loss_target=[1.0, 3]).guidance_loss_target == [1.0, 3.0]
    document = Document.parse(BASE, file="base.yaml")
    document.set("train.guidance_loss_target", [1.0, 2.0, 3.0])
    assert [f.path for f in document.findings] == ["train.guidance_loss_target"]


def test_validation_is_a_section_of_its_own_or_none() -> None:
    assert train().validation_config is None
    config = train(
        validation_config={"validation_items": [{"image_path": "a.png", "prompt": "a cat"}]}
    ).validation_config
    assert isinstance(config, ValidationConfig)
    assert (config.resolution, config.validate_every_n_steps) == (512, 10)
    found = codes(
        validation_config={"validation_items": [{"prompt": "x"}], "validation_sigmas": [2.0]}
    )
    assert found["train.validation_config.validation_items[0].image_path"].startswith("missing")
    assert found["train.validation_config.validation_sigmas[0]"].startswith("out-of-range")


def test_what_the_engine_cannot_do_yet_is_refused_away_from_its_default() -> None:
    document = Document.parse(BASE, file="base.yaml")
    document.set("model.arch", "flux")
    document.set("train.noise_scheduler", "flowmatch")
    document.set("train.latent_feature_extractor_path", "v7")
    (finding,) = [f for f in check_document(document, files=False) if f.severity == "error"]
    assert (finding.code, finding.path) == ("not-yet", "train.latent_feature_extractor_path")
    assert "perceptual losses" in finding.message
    assert (
        codes(do_cfg=False, optimizer="adamw8bit", loss_type="mae", timestep_type="sigmoid") == {}
    )


def test_every_option_has_a_group_and_a_unit_where_it_counts_something() -> None:
    for name, info in Train.model_fields.items():
        assert meta_of(info).group, name
        if name.endswith("_steps") and not name.endswith("denoising_steps"):
            assert meta_of(info).unit, name


def test_details_speak_plain_ascii_and_for_themselves() -> None:
    from schema.catalogue import options

    for info in options():
        if info.path.startswith("train."):
            text = f"{info.detail or ''} {info.help} {info.default_note or ''}"
            assert text.isascii(), info.path
            assert "upstream" not in text.lower(), info.path
            assert "the reference" not in text.lower() or info.name in ("arch",), info.path


def test_the_deprecated_switch_says_so() -> None:
    info = find("train.match_adapter_assist")
    assert info is not None
    assert info.status == "deprecated"
