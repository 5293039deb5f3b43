"""The one declaration: what a Section accepts, refuses and reads from older spellings."""

from typing import Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError

from schema.option import REQUIRED, ParamSection, Section, kind_of, meta_of, opt
from schema.sections.datasets import Dataset
from schema.sections.job import JobFile
from schema.sections.network import Network
from schema.sections.save import Save
from schema.sections.train import AdafactorParams, AdamWParams, Train
from schema.sections.train.schedules import CosineParams, StepParams


class Fast(ParamSection):
    kind: ClassVar[str] = "fast"
    boost: int = opt(1, "Boost", "How fast.", group="G", ge=1)


class Slow(ParamSection):
    kind: ClassVar[str] = "slow"
    rest: int = opt(REQUIRED, "Rest", "How slow.", group="G")


class Engine(Section):
    mode: str = opt("fast", "Mode", "Which.", group="G", aliases=("gear",))
    mode_params: Annotated[
        Annotated[Fast, Tag("fast")] | Annotated[Slow, Tag("slow")], Discriminator(kind_of)
    ] = opt({}, "Settings", "Of the mode.", group="G", params_of="mode")
    limit: float | None = opt(None, "Limit", "The limit.", group="G", gt=0)


def validation_types(section: type[Section], data: dict[str, Any]) -> set[str]:
    with pytest.raises(ValidationError) as caught:
        section.model_validate(data)
    return {detail["type"] for detail in caught.value.errors()}


def test_an_unknown_key_is_refused() -> None:
    assert validation_types(Engine, {"mod": "fast"}) == {"extra_forbidden"}


def test_a_section_cannot_be_changed_after_it_was_read() -> None:
    engine = Engine.model_validate({})
    with pytest.raises(ValidationError):
        engine.mode = "slow"  # type: ignore[misc]


@pytest.mark.parametrize("value", ["1", True, 1.5, [1]])
def test_a_whole_number_is_not_guessed_from_other_types(value: object) -> None:
    assert validation_types(Engine, {"mode_params": {"boost": value}}) == {"int_type"}


def test_an_older_key_name_is_read_as_the_present_one() -> None:
    assert Engine.model_validate({"gear": "slow", "mode_params": {"rest": 1}}).mode == "slow"


def test_the_present_name_wins_over_an_older_one() -> None:
    assert Engine.model_validate({"gear": "slow", "mode": "fast"}).mode == "fast"


def test_the_sibling_chooses_the_class_of_dependent_parameters() -> None:
    assert isinstance(Engine.model_validate({}).mode_params, Fast)
    slow = Engine.model_validate({"mode": "slow", "mode_params": {"rest": 3}})
    assert isinstance(slow.mode_params, Slow)
    assert slow.mode_params.rest == 3


def test_parameters_of_another_choice_are_refused() -> None:
    assert "extra_forbidden" in validation_types(
        Engine, {"mode": "slow", "mode_params": {"boost": 2, "rest": 1}}
    )


def test_a_required_parameter_is_missed_even_when_the_mapping_is_absent() -> None:
    assert validation_types(Engine, {"mode": "slow"}) == {"missing"}


def test_null_means_the_default_where_null_is_no_value() -> None:
    assert Engine.model_validate({"mode": None, "limit": None}).mode == "fast"


def test_infinity_and_nan_are_refused() -> None:
    for value in (float("inf"), float("nan")):
        assert validation_types(Engine, {"limit": value}) == {"finite_number"}


def test_a_field_without_a_declaration_is_a_mistake_of_ours() -> None:
    class Bare(BaseModel):
        value: int = Field(1)

    with pytest.raises(TypeError, match="opt"):
        meta_of(Bare.model_fields["value"])


def test_a_built_section_can_be_given_in_place_of_a_mapping() -> None:
    assert Engine.model_validate({"mode_params": Fast(boost=4)}).mode_params == Fast(boost=4)


@pytest.mark.parametrize(
    ("section", "data", "field", "meant"),
    [
        (Train, {"dtype": "bfloat16"}, "dtype", "bf16"),
        (Train, {"dtype": "FLOAT"}, "dtype", "fp32"),
        (Train, {"optimizer": "AdamW8bit"}, "optimizer", "adamw8bit"),
        (Train, {"loss_type": "huber"}, "loss_type", "pseudo_huber"),
        (Save, {"dtype": "fp16"}, "dtype", "float16"),
        (Network, {"rank": 16}, "linear", 16),
    ],
)
def test_other_spellings_of_a_value_mean_the_value(
    section: type[Section], data: dict[str, Any], field: str, meant: object
) -> None:
    assert getattr(section.model_validate(data), field) == meant


def test_each_optimizer_has_parameters_and_defaults_of_its_own() -> None:
    adamw = Train.model_validate({"optimizer_params": {"eps": 1e-8}}).optimizer_params
    assert isinstance(adamw, AdamWParams)
    assert (adamw.eps, adamw.weight_decay) == (1e-8, 0.01)
    adafactor = Train.model_validate({"optimizer": "adafactor"}).optimizer_params
    assert isinstance(adafactor, AdafactorParams)
    assert adafactor.eps == [1e-30, 1e-3]


def test_each_schedule_has_parameters_of_its_own() -> None:
    step = Train.model_validate({"lr_scheduler": "step", "lr_scheduler_params": {"step_size": 5}})
    assert isinstance(step.lr_scheduler_params, StepParams)
    cosine = Train.model_validate(
        {"lr_scheduler": "cosine", "lr_scheduler_params": {"T_max": 50, "eta_min": 1e-6}}
    )
    assert isinstance(cosine.lr_scheduler_params, CosineParams)
    assert cosine.lr_scheduler_params.total_iters == 50


def test_sizes_are_one_number_or_a_list() -> None:
    one = Dataset.model_validate({"folder_path": "x", "resolution": 256})
    many = Dataset.model_validate({"folder_path": "x", "resolution": [256, 512]})
    assert (one.resolutions, many.resolutions) == ([256], [256, 512])
    assert validation_types(Dataset, {"folder_path": "x", "resolution": []})
    assert validation_types(Dataset, {"folder_path": "x", "resolution": [256, 7]})


@pytest.mark.parametrize(
    ("data", "linear", "conv"),
    [
        ({"linear": 8}, 1 / 8, 1.0),
        ({"linear": 8, "linear_alpha": 8, "conv": 4, "conv_alpha": 1}, 1.0, 0.25),
        ({"linear": 8, "alpha": 0, "conv": 4, "conv_alpha": 0}, 1.0, 1.0),
        ({"linear": 8, "network_kwargs": {"peft_format": True}}, 1.0, 1.0),
    ],
)
def test_the_scale_of_a_network_follows_from_alpha_and_rank(
    data: dict[str, Any], linear: float, conv: float
) -> None:
    network = Network.model_validate(data)
    assert (network.linear_scale, network.conv_scale) == (linear, conv)


def test_a_minimal_job_has_every_section_at_its_defaults() -> None:
    process = {"type": "diffusion_trainer", "training_folder": "o", "model": {"name_or_path": "m"}}
    job = JobFile.model_validate(
        {"job": "extension", "config": {"name": "x", "process": [process]}}
    )
    trainer = job.config.process[0]
    assert trainer.type == "sd_trainer"
    assert trainer.network is None
    assert trainer.train == Train()
    assert trainer.sample.items == []


def test_previews_come_from_samples_else_from_prompts() -> None:
    process = {"type": "sd_trainer", "training_folder": "o", "model": {"name_or_path": "m"}}

    def prompts(sample: dict[str, Any]) -> list[str]:
        config = {"name": "x", "process": [{**process, "sample": sample}]}
        job = JobFile.model_validate({"job": "extension", "config": config})
        return [item.prompt for item in job.config.process[0].sample.items]

    assert prompts({"prompts": ["a", "b"]}) == ["a", "b"]
    assert prompts({"prompts": ["a"], "samples": [{"prompt": "c"}]}) == ["c"]
