"""Rules on datasets: each finds its fault at the right place, and its repair takes it away."""

from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from schema.catalogue import options
from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.rules import OF_ANY_PROCESS, RULES
from schema.rules.data_video import frames_near
from schema.transforms import NOT_BYTES, RESIZING, TRANSFORMS, TURNING
from tests.schema.conftest import BASE

Values = dict[str, Any]
FLIP = [{"method": "HorizontalFlip", "params": {"p": 0.5}}]
FLUX: Values = {"model.arch": "flux"}
WAN: Values = {"model.arch": "wan21"}
EDIT: Values = {"model.arch": "flux_kontext", "datasets[1].control_path": "c"}
SEES: Values = {"adapter": {"type": "ip", "train": True, "image_encoder_path": "e"}}

SOURCES: list[tuple[Values, str, str]] = [
    ({"dataset_path": "elsewhere"}, "two-sources", "dataset_path"),
    ({"dataset_path": "list.json", "folder_path": None}, "json-lists-are-not-read-yet",
     "dataset_path"),
    ({"is_reg": True, "datasets[1].is_reg": True}, "nothing-but-regularization", "is_reg"),
    ({"mask_path": "./images/masks"}, "helpers-among-the-pictures", "mask_path"),
    ({"control_path": ["images"]}, "helpers-among-the-pictures", "control_path"),
    ({"type": "reference"}, "kind-of-set-has-its-parts", "type"),
    ({"type": "slider"}, "kind-of-set-has-its-parts", "type"),
    ({"type": "reference", "unconditional_path": "u", "network": None},
     "kind-of-set-has-its-parts", "type"),
    ({"type": "reference", "unconditional_path": "u", "is_reg": True},
     "kind-of-set-has-its-parts", "type"),
    ({"type": "reference", "unconditional_path": "u", "num_frames": 5, **WAN},
     "kind-of-set-has-its-parts", "type"),
    ({"network_weight": 0.0, "datasets[1].network_weight": 0.0}, "weight-of-nothing",
     "network_weight"),
    ({"loss_multiplier": 0.0, "datasets[1].is_reg": True}, "weight-of-nothing",
     "loss_multiplier"),
    ({"datasets[1].extra_values": [1.0]}, "numbers-of-one-count", "datasets[1].extra_values"),
    ({"diff_output_preservation_class": "cat"}, "follows-the-training-section",
     "diff_output_preservation_class"),
    ({"prior_reg": True, "network": None}, "prior-without-an-untouched-model", "prior_reg"),
    ({"prior_reg": True, "train.do_prior_divergence": True}, "prior-with-another-target",
     "prior_reg"),
    ({"batch_size": 2, "buckets": False}, "own-batch-needs-buckets", "batch_size"),
]  # fmt: skip
CAPTIONS: list[tuple[Values, str, str]] = [
    ({"token_dropout_rate": 0.1, "train.cache_text_embeddings": True},
     "changing-a-cached-caption", "token_dropout_rate"),
    ({"random_triggers": ["a"], "cache_text_embeddings": True,
      "datasets[1].cache_text_embeddings": True}, "changing-a-cached-caption", "random_triggers"),
    ({"random_triggers": ["a", "b"], "random_triggers_max": 3}, "more-words-than-there-are",
     "random_triggers_max"),
    ({"random_triggers": ["a", " "]}, "blank-words", "random_triggers[1]"),
    ({"replacements": ["a|b", "c"]}, "replacement-without-a-bar", "replacements[1]"),
    ({"replacements": "|b"}, "replacement-without-a-bar", "replacements[0]"),
    ({"use_short_captions": True}, "no-short-captions", "use_short_captions"),
    ({"caption_ext": "json", "train.short_and_long_captions": True}, "no-short-captions",
     "datasets[1].caption_ext"),
]  # fmt: skip
PICTURES: list[tuple[Values, str, str]] = [
    ({"cache_latents": True, "augments": ["ColorJitter"]}, "changing-a-cached-picture",
     "augments"),
    ({"cache_latents_to_disk": True, "random_scale": True}, "changing-a-cached-picture",
     "random_scale"),
    ({"augmentations": FLIP, "train.loss_target": "unaugmented"}, "augmented-target-for-all",
     "datasets[1].augmentations"),
    ({"cache_latents": True, "model.arch": "wan21_i2v"}, "first-frames-need-pixels",
     "cache_tensors_to_disk"),
    ({"buckets": False, "mask_path": "m"}, "needs-the-plan-of-buckets", "mask_path"),
    ({"buckets": False, "control_path": "c"}, "needs-the-plan-of-buckets", "control_path"),
    ({"buckets": False, "num_frames": 5, **WAN}, "needs-the-plan-of-buckets", "num_frames"),
    ({"random_scale": True, "square_crop": True}, "zoom-and-middle", "random_scale"),
    ({"poi": "face"}, "boxes-have-their-place", "poi"),
    ({"poi": "face", "caption_ext": ".json", "num_frames": 5, **WAN}, "boxes-have-their-place",
     "poi"),
    ({"poi": "face", "caption_ext": ".json", "persistent_workers": True},
     "boxes-have-their-place", "persistent_workers"),
    ({"standardize_images": True, "train.standardize_images": True}, "standardized-twice",
     "standardize_images"),
    ({"standardize_images": True, "cache_tensors_to_disk": True}, "standardized-pixels-are-cut",
     "cache_tensors_to_disk"),
    ({"augments": ["ColorJitter"], "num_frames": 5, **WAN}, "augmenting-videos", "augments"),
    ({"augmentations": [{"method": "HorizontalFlop"}]}, "transform-is-unknown",
     "augmentations[0].method"),
    ({"augmentations": [*FLIP, {"method": "RandomCrop"}]}, "transform-breaks-the-batch",
     "augmentations[1].method"),
    ({"augmentations": [{"method": "Transpose"}]}, "transform-breaks-the-batch",
     "augmentations[0].method"),
    ({"augmentations": [{"method": "Normalize"}]}, "transform-breaks-the-batch",
     "augmentations[0].method"),
]  # fmt: skip
CONTROL: list[tuple[Values, str, str]] = [
    ({"control_path": "a", "control_path_1": "b", **FLUX}, "one-source-of-controls",
     "control_path"),
    ({"control_path_2": "b", "control_from_same_folder": True}, "one-source-of-controls",
     "control_from_same_folder"),
    ({"control_path": "c"}, "nobody-looks-at-controls", "control_path"),
    ({"controls": "depth"}, "nobody-looks-at-controls", "controls"),
    ({"mask_path": "m", "alpha_mask": True}, "one-source-of-masks", "alpha_mask"),
    ({"alpha_mask": True, "controls": ["mask"]}, "one-source-of-masks", "controls"),
    ({"controls": ["mask", "sapiens2_mask"]}, "one-source-of-masks", "controls"),
    ({"inpaint_path": "i", "controls": ["inpaint"]}, "one-source-of-inpainting", "controls"),
    ({"inpaint_path": "i"}, "nobody-inpaints", "inpaint_path"),
    ({"controls": ["depth"], "num_frames": 5, **WAN}, "controls-of-videos", "controls"),
    ({**EDIT, "control_from_same_folder": True, "train.cache_text_embeddings": True},
     "random-controls-in-a-cached-text", "control_from_same_folder"),
    ({"unconditional_path": "u", "network": None}, "pairs-need-a-network", "unconditional_path"),
    ({"unconditional_path": "u", "guidance_type": "targeted_flow"}, "pair-guidance-fits-the-model",
     "guidance_type"),
    ({"unconditional_path": "u", "guidance_type": "tnt", **FLUX}, "pair-guidance-fits-the-model",
     "guidance_type"),
    ({"clip_image_path": "r"}, "references-have-one-source-and-a-reader", "clip_image_path"),
    ({"clip_image_path": "r", "clip_image_from_same_folder": True, **SEES},
     "references-have-one-source-and-a-reader", "clip_image_from_same_folder"),
    ({"clip_image_path": "r", "cache_clip_vision_to_disk": True}, "seen-once-and-for-all",
     "cache_clip_vision_to_disk"),
    ({"cache_clip_vision_to_disk": True, **SEES}, "seen-once-and-for-all",
     "cache_clip_vision_to_disk"),
    ({"cache_clip_vision_to_disk": True, "clip_image_path": "r",
      "clip_image_augmentations": FLIP, **SEES}, "seen-once-and-for-all",
     "cache_clip_vision_to_disk"),
]  # fmt: skip
VIDEO: list[tuple[Values, str, str]] = [
    ({"num_frames": 9}, "clips-need-a-video-model", "num_frames"),
    ({"auto_frame_count": True}, "clips-need-a-video-model", "auto_frame_count"),
    ({"num_frames": 10, **WAN}, "frames-fit-the-model", "num_frames"),
    ({"auto_frame_count": True, "train.batch_size": 2, **WAN}, "clips-of-many-lengths",
     "auto_frame_count"),
    ({"num_frames": 9, "shrink_video_to_frames": False, "cache_latents": True, **WAN},
     "stretch-is-frozen", "shrink_video_to_frames"),
    ({"do_audio": True, "model.arch": "ltx2"}, "clip-options-without-clips", "do_audio"),
]  # fmt: skip
CASES = [*SOURCES, *CAPTIONS, *PICTURES, *CONTROL, *VIDEO]
TESTED = {"package-is-missing", "secret-in-the-file"} | {code for _, code, _ in CASES}


def made(values: Values) -> Document:
    """The small config with other values; a bare name is one of the first dataset."""
    document = Document.parse(BASE, file="base.yaml")
    for path, value in values.items():
        full = path if "." in path or path in ("network", "adapter") else f"datasets[0].{path}"
        if value is None and full != "network":
            document.unset(full)
        else:
            document.set(full, value)
    return document


def findings(values: Values) -> list[Finding]:
    return check_document(made(values), files=False)


@pytest.mark.parametrize(("values", "code", "path"), CASES, ids=lambda value: str(value)[:50])
def test_a_rule_on_datasets_finds_its_fault(values: Values, code: str, path: str) -> None:
    assert made(values).findings == []
    where = path if path.startswith("datasets") else f"datasets[0].{path}"
    hits = [f for f in findings(values) if f.code == code]
    assert [f.path for f in hits] == [where], [f.sentence() for f in findings(values)]
    assert hits[0].severity == next(r.severity for r in RULES if r.code == code)


@pytest.mark.parametrize(("values", "code", "path"), CASES, ids=lambda value: str(value)[:50])
def test_a_repair_that_is_offered_takes_the_fault_away(
    values: Values, code: str, path: str
) -> None:
    document = made(values)
    (finding,) = [f for f in findings(values) if f.code == code]
    if finding.suggestion is None:
        return
    plain = Document.parse(f"x: {finding.suggestion}").raw["x"]
    document.set(finding.path, plain)
    assert code not in {f.code for f in check_document(document, files=False)}


def test_rules_on_datasets_are_silent_where_all_is_well() -> None:
    well: list[Values] = [
        {"dataset_path": "images/", "folder_path": "images"},
        {"dataset_path": "images", "folder_path": None},
        {"is_reg": True, "prior_reg": True, "network_weight": 0.5},
        {"type": "reference", "unconditional_path": "u"},
        {"batch_size": 2, "loss_multiplier": 0.0, "extra_values": []},
        {"random_triggers": "words.txt", "random_triggers_max": 9, "replacements": ["a|", "b|c"]},
        {"caption_ext": "JSON", "use_short_captions": True, "poi": "face"},
        {"cache_latents": True, "random_crop": True},
        {"cache_latents": True, "cache_tensors_to_disk": True, "model.arch": "wan21_i2v",
         "num_frames": 5},
        {"augmentations": [*FLIP, {"method": "D4"}], "square_crop": True},
        {"augmentations": FLIP, "datasets[1].augmentations": FLIP,
         "train.loss_target": "unaugmented"},
        {"buckets": False, "datasets[1].buckets": False, "control_path": ["c"],
         "full_size_control_images": False, "model.arch": "flux_kontext",
         "datasets[1].control_path": "c", "datasets[1].full_size_control_images": False},
        {"control_path": ["a", "b"], "control_path_1": "a", "control_path_3": "b",
         "model.arch": "flex2"},
        {**EDIT, "control_path": "c"},
        {"mask_path": "m", "invert_mask": True, "mask_min_value": 0.1},
        {"controls": ["sapiens2_mask"], "invert_mask": True},
        {"unconditional_path": "u", "guidance_type": "targeted_flow", **FLUX},
        {"unconditional_path": "u", "guidance_type": "polarity", **FLUX},
        {"clip_image_path": "r", "cache_clip_vision_to_disk": True, **SEES},
        {"num_frames": 9, "fps": 24, "shrink_video_to_frames": False, **WAN},
        {"num_frames": 22, "do_audio": True, "model.arch": "minimax_h3"},
    ]  # fmt: skip
    for values in well:
        codes = {f.code for f in findings(values)}
        assert not (codes - {"package-is-missing"}) & TESTED, (values, codes)


def test_what_needs_a_mask_is_satisfied_by_one_in_a_list() -> None:
    without = {f.code for f in findings({"invert_mask": True})}
    assert "needs-another-option" in without
    masked = {f.code for f in findings({"invert_mask": True, "controls": ["depth", "mask"]})}
    assert "needs-another-option" not in masked


@pytest.mark.parametrize(
    ("arch", "wanted", "near"),
    [
        ("wan21", 1, None), ("wan21", 81, None), ("wan21", 80, (77, 81)), ("wan21", 3, (1, 5)),
        ("ltx2", 9, None), ("ltx2", 12, (9, 17)), ("minimax_h3", 22, None),
        ("minimax_h3", 4, (5, 5)), ("minimax_h3", 30, (22, 39)), ("sd1", 7, None),
    ],
)  # fmt: skip
def test_frame_counts_near_a_wanted_one(
    arch: str, wanted: int, near: tuple[int, int] | None
) -> None:
    from schema.families import FAMILIES

    assert frames_near(FAMILIES[arch], wanted) == near


def test_a_dataset_is_read_whichever_way_its_places_are_written() -> None:
    first = {"dataset_path": "pictures", "control_path": "", "controls": ["", "depth"]}
    dataset = made({**first, "folder_path": None}).typed().trainer.datasets[0]
    assert (dataset.folder_path, dataset.control_path) == ("pictures", None)
    assert (dataset.controls, dataset.control_folders) == (["depth"], [])
    other = made({"control_path": "c", "augments": "ColorJitter", "replacements": "a|b"})
    dataset = other.typed().trainer.datasets[0]
    assert (dataset.control_folders, dataset.augments) == (["c"], ["ColorJitter"])
    assert dataset.replacements == ["a|b"]
    numbered = made({"control_path_3": "c", "control_path_1": "a"}).typed().trainer.datasets[0]
    assert numbered.control_folders == ["a", "c"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("control_transparent_color", [0, 0]), ("control_transparent_color", [0, 0, 256]),
        ("controls", ["deph"]), ("mask_min_value", 1.5), ("gpu_prefetch_batches", 17),
        ("prefetch_factor", 0), ("guidance_type", "none"), ("augmentations", [{"params": {}}]),
        ("extra_values", ["a"]), ("type", "video"),
    ],
)  # fmt: skip
def test_values_out_of_bounds_are_refused(name: str, value: object) -> None:
    assert any(name in f.path and f.severity == "error" for f in made({name: value}).findings)


def test_older_spellings_are_read_with_a_hint() -> None:
    document = made({"caption_type": "md", "enable_ar_bucket": False})
    dataset = document.typed().trainer.datasets[0]
    assert (dataset.caption_ext, dataset.buckets) == ("md", False)
    assert [f.code for f in document.findings] == ["older-name", "older-name"]
    text = BASE.replace("flip_x: yes", "caption_type: md\n          caption_ext: .txt")
    both = Document.parse(text).findings
    assert [(f.code, f.severity) for f in both] == [("given-twice", "error")]


def test_the_transform_names_have_no_name_twice() -> None:
    groups = [RESIZING, TURNING, NOT_BYTES]
    assert sum(map(len, groups)) == len(frozenset.union(*groups))
    assert frozenset.union(*groups) < TRANSFORMS
    assert all(name.isidentifier() for name in TRANSFORMS)


def test_a_package_that_is_missing_is_found_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = {"augmentations": FLIP, "logging.use_wandb": True}
    monkeypatch.setattr("schema.rules.packages.find_spec", lambda name: None)
    missing = [f.path for f in findings(wanted) if f.code == "package-is-missing"]
    assert missing == ["datasets[0].augmentations", "logging.use_wandb"]
    folder = ModuleSpec("wandb", None, origin=None)
    monkeypatch.setattr("schema.rules.packages.find_spec", lambda name: folder)
    assert "package-is-missing" in {f.code for f in findings(wanted)}
    installed = ModuleSpec("wandb", None, origin="wandb/__init__.py")
    monkeypatch.setattr("schema.rules.packages.find_spec", lambda name: installed)
    assert "package-is-missing" not in {f.code for f in findings(wanted)}


def test_a_secret_in_the_file_is_told_without_showing_it() -> None:
    token = "hf_" + "a1B2" * 9
    text = BASE + f"meta: {{note: {{by: {token}}}}}\n"
    document = Document.parse(text.replace("name_or_path: model", f"name_or_path: '{token}'"))
    found = [f for f in check_document(document, files=False) if f.code == "secret-in-the-file"]
    assert [f.path for f in found] == ["model.name_or_path", "meta.note.by"]
    assert not any(token in f.sentence() for f in found)
    rule = next(rule for rule in OF_ANY_PROCESS if rule.code == "secret-in-the-file")
    assert rule.severity == "error"


def test_no_option_takes_a_hub_token_and_every_other_secret_is_hidden() -> None:
    secret = [info for info in options() if info.name.endswith(("token", "secret", "_key"))]
    assert "hf_token" not in {info.name for info in secret}
    assert {info.editor for info in secret} == {"secret"}


def test_places_that_are_named_are_looked_for(tmp_path: Path) -> None:
    from schema.dataset_problems import place_problems

    (tmp_path / "masks").mkdir()
    (tmp_path / "words.txt").write_text("a\n")
    dataset = made(
        {
            "mask_path": str(tmp_path / "mask"),
            "control_path": [str(tmp_path / "masks"), str(tmp_path / "words.txt")],
            "random_triggers": str(tmp_path / "word.txt"),
        }
    ).typed().trainer.datasets[0]  # fmt: skip
    found = {p.path: p for p in place_problems("datasets[0]", dataset)}
    assert set(found) == {"datasets[0].mask_path",
                          "datasets[0].control_path[1]", "datasets[0].random_triggers"}  # fmt: skip
    assert found["datasets[0].mask_path"].suggestion == str(tmp_path / "masks")
    assert all(problem.severity == "error" for problem in found.values())
