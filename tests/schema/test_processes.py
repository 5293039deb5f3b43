"""Process types and job kinds: each has its class, its options, and words for what is wrong."""

import json
from typing import Any, get_args

import pytest
import yaml

from schema.catalogue import find, general, options, options_for, sections
from schema.check import check_document
from schema.document import Document
from schema.families import FAMILIES
from schema.findings import Finding
from schema.sections.adapter.names import ADAPTER_WORDS, AdapterType
from schema.sections.job import JobFile, TrainerProcess
from schema.sections.processes import PROCESS_ROWS, process_class, process_classes
from schema.sections.processes.names import NEVER_DONE, OLDER_NAMES, JobKind, ProcessName
from tests.schema.process_examples import EXAMPLES
from tests.schema.test_catalogue_complete import DATA, facts
from tui.cli import main

# Options that a type reads according to the facts, but that have no effect there.
UNREAD = {
    ("generate.prompts", "reference_generator"), ("generate.prompt_2", "reference_generator"),
    ("generate.neg_2", "reference_generator"), ("generate.shuffle", "reference_generator"),
    ("generate.guidance_rescale", "reference_generator"),
    ("generate.guidance_rescale", "batch_img2img"), ("generate.ext", "reference_generator"),
    ("critic.num_critic_per_gen", "vae"), ("slider.resolutions", "ultimate_slider_trainer"),
    ("slider.use_adapter", "ultimate_slider_trainer"),
    ("slider.adapter_img_dir", "ultimate_slider_trainer"),
    ("slider.low_ram", "ultimate_slider_trainer"), ("caption.quantize", "Qwen3OmniCaptioner"),
}  # fmt: skip


def found(text: str) -> list[Finding]:
    findings = check_document(Document.parse(text, file="it.yaml"), files=False)
    return [finding for finding in findings if finding.code != "rate-low-for-a-network"]


def damaged(kind: str, path: str, value: Any) -> list[Finding]:
    """What is said of an example in which one value is another."""
    document = Document.parse(EXAMPLES[kind], file="it.yaml")
    document.set(path, value)
    return [f for f in found(document.text()) if f.code != "not-yet"]


def test_names_rows_and_classes_are_the_same_types() -> None:
    names = set(get_args(ProcessName))
    assert names == set(PROCESS_ROWS) == set(EXAMPLES)
    kinds = [kind for process in process_classes() for kind in process.kinds]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) == names | set(OLDER_NAMES)
    assert all(process.kind in process.kinds for process in process_classes())
    assert {row.job for row in PROCESS_ROWS.values()} == set(get_args(JobKind))
    assert not set(NEVER_DONE) & (names | set(OLDER_NAMES))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_example_of_a_type_is_read_by_its_class(kind: str) -> None:
    document = Document.parse(EXAMPLES[kind])
    assert found(EXAMPLES[kind]) == [f for f in found(EXAMPLES[kind]) if f.code == "not-yet"]
    process = document.typed().config.process[0]
    assert process.type == kind
    assert type(process) is process_class({"type": kind}) is process_class(process)


@pytest.mark.parametrize("kind", sorted(set(EXAMPLES) - {"sd_trainer"}))
def test_what_the_engine_cannot_run_is_refused(kind: str) -> None:
    findings = [f for f in found(EXAMPLES[kind]) if f.code == "not-yet" and f.path == "type"]
    assert [f.severity for f in findings] == ["error"]


@pytest.mark.parametrize(("older", "name"), OLDER_NAMES.items())
def test_an_older_name_means_its_present_type(older: str, name: str) -> None:
    document = Document.parse(EXAMPLES[name].replace(f"type: {name}", f"type: {older}"))
    assert document.typed().config.process[0].type == name


WRONG = [
    ("concept_slider", "slider.guidance_strength", 0, "out-of-range", "above 0"),
    ("concept_slider", "slider.targets", [], "unknown-key", "belongs to slider"),
    ("slider", "slider.resolutions", [[512]], "bad-length", "a list of"),
    ("slider", "slider.use_adapter", "deth", "unknown-choice", "depth"),
    ("slider", "slider.targets[0].shuffle", "maybe", "wrong-type", "true or false"),
    ("ultimate_slider_trainer", "slider.additional_losses", ["ssim"], "unknown-choice", "mae"),
    ("concept_replacer", "replacements", [], "bad-length", "a list"),
    ("rescale_sd", "rescale.scale", 2.0, "out-of-range", "at most 1"),
    ("vae", "vae_type", "AutoencoderKX", "unknown-choice", "AutoencoderKL"),
    ("vae", "blocks_to_train", ["down_blocks"], "unknown-choice", "up_blocks"),
    ("vae", "datasets[0].folder_path", "x", "unknown-key", "path"),
    ("esrgan", "zoom", 1, "out-of-range", "from 2"),
    ("to_folder", "generate.width", 8, "out-of-range", "from 64"),
    ("to_folder", "generate.ext", "tiff", "bad-format", "png, jpg or webp"),
    ("to_folder", "generate.sampler", "eulr", "unknown-choice", "euler"),
    ("batch_img2img", "generate.denoise_strength", 1.5, "out-of-range", "from 0 to 1"),
    ("locon", "mode", "fix", "unknown-choice", "fixed"),
    ("locon", "sparsity", 2, "out-of-range", "from 0 to 1"),
    ("rescale_lora", "scale_target", "beta", "unknown-choice", "up_down"),
    ("example_merge_extension", "models_to_merge[0].wieght", 1.0, "unknown-key", "weight"),
    ("sync_from_collection", "dataset_sync[0].host", "flickr", "unknown-choice", "unsplash"),
    ("super_tagger", "steps", ["create_mask"], "unknown-choice", "contrast_stretch"),
    ("super_tagger", "caption_method", "blip", "bad-format", "llava or fuyu"),
    ("super_tagger", "caption_replacements", [["a"]], "bad-length", "a list of"),
    ("Qwen3VLCaptioner", "caption.extensions", [], "bad-length", "a list"),
    ("Qwen3VLCaptioner", "caption.max_new_tokens", 9999, "out-of-range", "from 1 to 8192"),
    ("Qwen3VLCaptioner", "caption.device", "gpu", "bad-format", "cuda"),
    ("sd_trainer", "adapter", {"type": "ip-adapter"}, "unknown-choice", "ip"),
    ("sd_trainer", "adapter", {"class_names": ["man", 1]}, "wrong-type", "text"),
    ("sd_trainer", "embedding", {"tokens": 100}, "out-of-range", "from 1 to 75"),
    ("sd_trainer", "decorator", {"num_tokens": 0}, "out-of-range", "from 1 to 256"),
]


@pytest.mark.parametrize(("kind", "path", "value", "code", "words"), WRONG)
def test_a_wrong_value_is_refused_in_words(
    kind: str, path: str, value: Any, code: str, words: str
) -> None:
    errors = [f for f in damaged(kind, path, value) if f.code == code]
    assert errors, damaged(kind, path, value)
    assert all(f.severity == "error" and f.path.startswith(path.split(".")[0]) for f in errors)
    assert words in f"{errors[0].message} {errors[0].suggestion}", errors[0].sentence()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_what_a_type_cannot_do_without_is_asked_for(kind: str) -> None:
    needed = [
        info
        for info in options_for(kind)
        if info.required and "[]" not in info.path and not info.path.startswith("config")
        and "." not in info.path and info.path not in ("job", "type")
    ]  # fmt: skip
    for info in needed:
        document = Document.parse(EXAMPLES[kind])
        document.unset(info.path)
        if info.path == "training_folder" and document.is_set("config.training_folder"):
            continue
        assert [f for f in found(document.text()) if f.code == "missing"], info.path


def test_a_mistyped_type_has_the_nearest_one_and_its_options_are_still_checked() -> None:
    text = EXAMPLES["concept_slider"].replace("type: concept_slider", "type: concept_slidr")
    finding, key = found(text.replace("target_class", "target_clas"))
    assert (finding.path, finding.suggestion) == ("type", "concept_slider")
    assert (key.code, key.suggestion) == ("unknown-key", "target_class")


@pytest.mark.parametrize("name", NEVER_DONE)
def test_a_type_that_nobody_can_run_is_refused_with_a_reason(name: str) -> None:
    text = EXAMPLES["sd_trainer"].replace("type: sd_trainer", f"type: {name}")
    (finding,) = found(text)
    assert (finding.code, finding.path) == ("unknown-choice", "type")
    assert NEVER_DONE[name] in finding.message


@pytest.mark.parametrize("entry", ["5", "[]", "{}", "{type: 7}", "{type: [vae]}", "null"])
def test_no_process_entry_breaks_the_check(entry: str) -> None:
    text = f"job: extension\nconfig:\n  name: a\n  process: [{entry}]\n"
    assert {f.severity for f in found(text)} == {"error"}


@pytest.mark.parametrize(
    ("key", "home"), [("models_to_merge", "example_merge_extension"), ("rescale", "rescale_sd")]
)
def test_a_key_of_another_process_type_is_said_to_belong_there(key: str, home: str) -> None:
    (finding,) = found(EXAMPLES["sd_trainer"] + f"      {key}: []\n")
    assert finding.code == "unknown-key"
    assert finding.message.endswith(f"it belongs to {home}")


def test_a_key_of_the_trainer_in_the_wrong_section_belongs_there_not_to_another_type() -> None:
    (finding,) = found(EXAMPLES["sd_trainer"] + "      steps: 100\n")
    assert finding.message == "unknown key 'steps'; it belongs in train:"
    assert finding.suggestion == "train.steps"


def test_what_stands_once_counts_in_every_process_that_gives_none() -> None:
    text = EXAMPLES["locon"] + "    - {type: lora, dtype: float32, filename: b}\n"
    first, second = Document.parse(text).typed().config.process
    assert (first.dtype, second.dtype) == ("float16", "float32")  # type: ignore[union-attr]
    assert (first.device, second.device) == ("cpu", "cpu")
    slider = Document.parse(EXAMPLES["slider"]).typed().config.process[0]
    assert (slider.folder, slider.log_dir) == ("out", "logs")  # type: ignore[union-attr]
    without = EXAMPLES["slider"].replace("  training_folder: out\n", "")
    assert [f.code for f in found(without) if f.path == "training_folder"] == ["missing"]


def test_only_a_process_that_trains_is_handed_to_the_trainer() -> None:
    assert isinstance(Document.parse(EXAMPLES["concept_slider"]).typed().trainer, TrainerProcess)
    with pytest.raises(ValueError, match="locon does not train"):
        _ = Document.parse(EXAMPLES["locon"]).typed().trainer


# the catalogue


def test_a_path_of_several_types_is_one_row_with_the_differences_inside() -> None:
    ending = find("datasets[].caption_ext")
    assert ending is not None
    assert (ending.default, ending.process_defaults["vae"]) == (".txt", "txt")
    assert set(ending.process_types) >= {"sd_trainer", "concept_slider", "vae", "esrgan"}
    esrgan = find("tv_weight", "esrgan")
    assert esrgan is not None
    assert (esrgan.default, find("tv_weight").default) == (1.0, 0.0)  # type: ignore[union-attr]
    row = json.loads(json.dumps(find("tv_weight").as_json()))  # type: ignore[union-attr]
    assert row["by_process"]["esrgan"]["default"] == 1.0
    assert row["process_defaults"] == {"esrgan": 1.0}


def test_an_option_is_found_for_the_types_that_have_it_alone() -> None:
    assert find("slider.targets", "slider_old") is find("slider.targets")
    assert find("slider.targets", "concept_slider") is None
    assert find("train.lr", "locon") is None
    assert find("embedding.tokens", "concept_slider") is None
    assert find("job", "locon") is find("job")


def test_a_section_that_repeats_another_one_has_its_options() -> None:
    assert find("adapter.lora_config.linear") is find("network.linear")
    assert find("models_to_merge[1].name_or_path") is find("model.name_or_path")
    assert find("models_to_merge[].weight") is not None
    paths = [info.path for info in options()]
    assert [p for p in paths if p.startswith("models_to_merge[]")] == ["models_to_merge[].weight"]
    assert not [p for p in paths if p.startswith("adapter.lora_config.")]


def test_a_document_has_the_defaults_of_its_process() -> None:
    document = Document.parse(EXAMPLES["esrgan"])
    assert document.value("tv_weight") == 1.0
    assert Document.parse(EXAMPLES["vae"]).value("tv_weight") == 0.0
    assert document.process_type() == "esrgan"
    assert general("process[3].slider.targets[2].positive") == "slider.targets[].positive"


def test_sections_are_those_of_the_type() -> None:
    assert [row.name for row in sections("vae")] == ["job", "datasets"]
    assert [row.name for row in sections("Qwen3OmniCaptioner")] == ["job", "caption"]
    assert "slider" in [row.name for row in sections("slider_old")]
    assert "embedding" not in [row.name for row in sections("concept_slider")]


def test_every_type_of_the_facts_reads_the_option() -> None:
    rows = facts(DATA / "other.yaml")
    unread = {
        (row["path"], kind)
        for row in rows
        for kind in row.get("processes", ())
        if find(row["path"]) is not None and find(row["path"], kind) is None
    }
    assert unread == UNREAD


def test_adapter_types_fit_the_models_of_the_facts() -> None:
    made_for = yaml.safe_load((DATA / "adapter.types.yaml").read_text(encoding="utf-8"))
    assert set(get_args(AdapterType)) == set(ADAPTER_WORDS) == set(made_for)
    for kind, names in made_for.items():
        fitting = {name for name, row in FAMILIES.items() if kind in row.adapters}
        assert set(names) <= fitting or kind == "ilora", kind
        assert kind != "ilora" or fitting == set(FAMILIES)


def test_an_untouched_adapter_has_the_defaults_of_the_catalogue() -> None:
    text = EXAMPLES["sd_trainer"] + "      adapter: {name_or_path: a}\n"
    adapter = JobFile.model_validate(yaml.safe_load(text)).trainer.adapter
    assert adapter is not None
    for name in type(adapter).model_fields:
        info = find(f"adapter.{name}")
        assert info is not None
        assert getattr(adapter, name) == ("a" if name == "name_or_path" else info.default)


def test_a_bare_name_of_another_type_is_explained_with_the_trainers_of_that_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "steps"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert heads == ["steps", "train.steps"]


def test_explain_says_who_reads_an_option_and_what_it_is_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "caption.thinking"]) == 0
    assert "read by:      Qwen3VLCaptioner, Qwen3OmniCaptioner" in capsys.readouterr().out
    assert main(["explain", "tv_weight"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "elsewhere: Variation weight: a number of at least 0; default 1 (type esrgan)" in text


def test_options_of_types_that_wait_say_so() -> None:
    rows = {info.path: info for info in options()}
    assert rows["caption.thinking"].as_json()["pending"] == "captioning"
    assert rows["adapter.channels"].waiting == "adapters"
    assert rows["train.lr"].waiting is None
    assert rows["job"].waiting is None
