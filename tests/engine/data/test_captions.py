"""Captions on their way to the text encoders: what each option does to them, and when."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.data.batch import Batch
from engine.data.loader import DataSource
from engine.data.sources import read_pictures
from engine.errors import ConfigError
from schema.formulas.captions import CaptionRules, render, render_short, saturated
from tests.engine import tiny, tiny_sd
from tests.engine.data.test_loader import Make, epoch, source

__all__ = ["source"]

TAGS = "one, two, three, four"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures with long and short captions in JSON files, tags in text files."""
    tiny.draw_pictures(tmp_path, 2)
    for index, path in enumerate(sorted(tmp_path.glob("*.png"))):
        texts = {"caption": f"a long line {index}", "caption_short": f"short {index}"}
        path.with_suffix(".json").write_text(json.dumps(texts))
        path.with_suffix(".txt").write_text(TAGS)
    return tmp_path


def captions(data: DataSource, steps: int = 40) -> list[str]:
    """What is told in the first steps."""
    return [text for step in range(1, steps + 1) for text in data.batch(step, 0).captions]


# -- what is read


def test_short_captions_stand_in_json_files_beside_the_long_ones(folder: Path) -> None:
    for _ in range(2):  # the second time from memory
        pictures = read_pictures(folder, ".json", None)
        assert [(p.caption, p.short) for p in pictures] == [
            ("a long line 0", "short 0"), ("a long line 1", "short 1")
        ]  # fmt: skip
    assert [picture.short for picture in read_pictures(folder, ".txt", None)] == [None, None]


@pytest.mark.proves("datasets[].use_short_captions")
def test_short_captions_take_the_place_of_long_ones_where_there_are_any(
    source: Make, folder: Path
) -> None:
    (folder / "picture_001.json").write_text('{"caption": "only long", "caption_short": " "}')
    short = source({"caption_ext": ".json", "use_short_captions": True}, folder=folder)
    assert set(captions(short, 4)) == {"short 0", "only long"}
    usual = source({"caption_ext": ".json"}, folder=folder)
    assert set(captions(usual, 4)) == {"a long line 0", "only long"}
    # They are what is cached, too.
    cached = {"caption_ext": ".json", "use_short_captions": True, "cache_text_embeddings": True}
    batch = source(cached, folder=folder, train={"cache_text_embeddings": True}).batch(1, 0)
    assert batch.conditioning is not None
    assert set(batch.captions) == {"short 0", "only long"}


@pytest.mark.proves("datasets[].replacements")
def test_replacements_are_made_in_order_before_everything_else(source: Make, folder: Path) -> None:
    rules = ["one|[trigger]", "two|2|II", "four|", "2|too late"]
    data = source({"replacements": rules}, folder=folder, trigger_word="sks")
    assert set(captions(data, 2)) == {"sks, too late|II, three, "}
    kept = {"replacements": ["short|small"], "use_short_captions": True, "caption_ext": "json"}
    assert set(captions(source(kept, folder=folder), 4)) == {"small 0", "small 1"}


# -- what is drawn


@pytest.mark.proves("datasets[].token_dropout_rate", "datasets[].keep_tokens")
def test_tags_are_left_out_at_their_rate_but_for_the_first_ones(source: Make, folder: Path) -> None:
    usual: dict[str, Any] = {"token_dropout_rate": 1.0, "keep_tokens": 2}
    assert set(captions(source(usual, folder=folder, trigger_word="sks"))) == {"sks one, two"}
    some = source(usual | {"token_dropout_rate": 0.5}, folder=folder)
    lengths = Counter(len(text.split(", ")) for text in captions(some, 400))
    assert sum(n * count for n, count in lengths.items()) / 800 == pytest.approx(3, abs=0.1)
    assert set(lengths) == {2, 3, 4}
    untouched = source({"token_dropout_rate": 0.0}, folder=folder)
    assert set(captions(untouched)) == {TAGS}


def test_short_captions_keep_their_tags_and_are_never_dropped() -> None:
    rules = CaptionRules("sks", dropout_rate=1.0, tag_dropout=1.0)
    assert render("a, b", rules, 0, 1, 0) == "sks"
    assert render_short("a, b", rules, 0, 1, 0) == "sks a, b"


@pytest.mark.proves("datasets[].random_triggers", "datasets[].random_triggers_max")
def test_random_triggers_follow_the_caption(source: Make, folder: Path) -> None:
    one = source({"random_triggers": ["foo"]}, folder=folder)
    assert set(captions(one)) == {f"{TAGS}, foo"}
    words = [f"w{index}" for index in range(5)]
    several = source({"random_triggers": words, "random_triggers_max": 3}, folder=folder)
    drawn = [text.removeprefix(TAGS).split(", ")[1:] for text in captions(several, 600)]
    counts = Counter(map(len, drawn))
    assert {n: count / 1200 for n, count in counts.items()} == pytest.approx(
        dict.fromkeys(range(4), 0.25), abs=0.05
    )
    assert all(len(set(found)) == len(found) for found in drawn)
    assert {word for found in drawn for word in found} == set(words)
    none = source({"random_triggers": words, "random_triggers_max": 0}, folder=folder)
    assert set(captions(none)) == {TAGS}
    gone = source({"random_triggers": words, "caption_dropout_rate": 1.0}, folder=folder)
    assert set(captions(gone)) == {""}


@pytest.mark.proves("datasets[].random_triggers", "datasets[].random_triggers_max")
def test_random_triggers_come_from_a_file_too(source: Make, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "words.list"
    file.write_text("foo\n\nbar baz\n")
    data = source({"random_triggers": str(file)}, folder=folder)
    assert set(captions(data)) == {f"{TAGS}, foo", f"{TAGS}, bar baz"}
    with pytest.raises(ConfigError, match="3 is above the 2 random triggers"):
        source({"random_triggers": str(file), "random_triggers_max": 3}, folder=folder)
    with pytest.raises(ConfigError, match="cannot be read"):
        source({"random_triggers": str(tmp_path / "gone")}, folder=folder)


def test_random_triggers_are_shuffled_with_the_tags_behind_the_trigger_word() -> None:
    rules = CaptionRules(
        "sks", shuffle_tokens=True, keep_tokens=1, random_triggers=("x", "y"), random_triggers_max=2
    )
    seen = {render("a, b", rules, 0, step, 0) for step in range(200)}
    assert {"sks a, b", "sks a, x, b", "sks a, b, y, x", "sks a, y, b, x"} <= seen
    assert all(text.startswith("sks a, ") for text in seen)
    assert render("", CaptionRules("sks", random_triggers=("x",)), 0, 1, 0) == "sks, x"
    assert render("", CaptionRules(random_triggers=("x",)), 0, 1, 0) == "x"


def test_one_options_draws_leave_anothers_alone() -> None:
    """Who is dropped, and the order of tags, are the same whatever else is on."""
    plain = CaptionRules(dropout_rate=0.3, shuffle_tokens=True)
    more = CaptionRules(
        dropout_rate=0.3, shuffle_tokens=True, saturation=0.5, prompt_dropout=0.5, tag_dropout=1e-9
    )
    for step in range(50):
        assert render(TAGS, plain, 3, step, 0) == render(TAGS, more, 3, step, 0)


# -- what is done right before encoding


@pytest.mark.proves("train.prompt_saturation_chance")
def test_captions_are_repeated_until_the_text_encoder_is_full(source: Make, folder: Path) -> None:
    assert saturated("a b") == ", ".join(["a b"] * 39)
    assert saturated("") == ""
    long = " ".join(["w"] * 77)
    assert saturated(long) == long
    full = ", ".join([TAGS] * 20)  # 77 // 4 + 1
    always = source(folder=folder, train={"prompt_saturation_chance": 1.0})
    assert set(captions(always)) == {full}
    half = Counter(captions(source(folder=folder, train={"prompt_saturation_chance": 0.5}), 300))
    assert set(half) == {TAGS, full}
    assert half[full] == pytest.approx(300, abs=60)
    usual: dict[str, Any] = {"folder": folder, "train": {"prompt_saturation_chance": 1.0}}
    regular = source({}, {"folder_path": str(folder), "is_reg": True}, **usual)
    assert regular.batch(2, 0).regularizes
    assert set(regular.batch(2, 0).captions) == {TAGS}


@pytest.mark.proves("train.prompt_dropout_prob")
def test_prompts_are_empty_with_a_chance(source: Make, folder: Path) -> None:
    usual: dict[str, Any] = {"folder": folder, "trigger_word": "sks"}
    assert set(captions(source(train={"prompt_dropout_prob": 1.0}, **usual))) == {""}
    half = captions(source(train={"prompt_dropout_prob": 0.5}, **usual), 300)
    assert half.count("") == pytest.approx(300, abs=60)
    assert set(half) == {"", f"sks {TAGS}"}
    # The class of what is not told is nothing either.
    kept = {"diff_output_preservation": True, "diff_output_preservation_class": "dog"}
    dog = source(train={"prompt_dropout_prob": 0.5, **kept}, **usual)
    batches = [dog.batch(step, 0) for step in range(1, 40)]
    pairs = {pair for b in batches for pair in zip(b.captions, b.class_captions or [], strict=True)}
    assert pairs == {("", ""), (f"sks {TAGS}", f"dog {TAGS}")}


# -- two captions an image


@pytest.mark.proves("train.short_and_long_captions")
def test_every_picture_is_there_twice_with_its_long_and_its_short_caption(
    source: Make, folder: Path
) -> None:
    train = {"short_and_long_captions": True}
    usual: dict[str, Any] = {"folder": folder, "trigger_word": "sks", "train": train}
    data = source({"caption_ext": ".json", "loss_multiplier": 2.0}, **usual)
    batch = data.batch(1, 0)
    assert [text.replace("a long line", "short") for text in batch.captions[:2]] == (
        batch.captions[2:]
    )
    assert all(text.startswith("sks short ") for text in batch.captions[2:])
    assert batch.slots == [0, 1, 0, 1]
    assert batch.copies == 2
    assert batch.pixels_BCHW is not None
    assert torch.equal(batch.pixels_BCHW[:2], batch.pixels_BCHW[2:])
    assert batch.loss_weight_B is not None
    assert batch.loss_weight_B.tolist() == [2.0] * 4
    # Without a short caption the default one, and without that the long one.
    other = source({"default_caption": "some picture"}, **usual).batch(1, 0)
    assert other.captions == [f"sks {TAGS}"] * 2 + ["sks some picture"] * 2
    assert source({}, **usual).batch(1, 0).captions == [f"sks {TAGS}"] * 4
    # Regularization pictures are shown once.
    regular = source({}, {"folder_path": str(folder), "is_reg": True}, **usual).batch(2, 0)
    assert (len(regular), regular.copies) == (2, 1)


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model with two text encoders."""
    path = tiny_sd.build_sdxl(tmp_path_factory.mktemp("models") / "sdxl")
    return tiny_sd.load_family("sdxl", path)


def wordings(batch: Batch) -> Iterator[tuple[str, str]]:
    """What the first and the second text encoder are told."""
    yield from zip(batch.first_captions or batch.captions, batch.captions, strict=True)


@pytest.mark.proves("train.short_and_long_captions_encoder_split")
def test_each_of_two_text_encoders_has_its_caption(source: Make, folder: Path, sdxl: Any) -> None:
    train = {"short_and_long_captions_encoder_split": True}
    usual: dict[str, Any] = {"folder": folder, "family": sdxl, "trigger_word": "sks"}
    batch = source({"caption_ext": ".json"}, train=train, **usual).batch(1, 0)
    assert set(wordings(batch)) == {
        ("sks short 0", "sks a long line 0"), ("sks short 1", "sks a long line 1")
    }  # fmt: skip
    both = sdxl.encode_wordings([batch.first_captions, batch.captions]).parts
    short, long = (sdxl.encode_prompts(t).parts for t in (batch.first_captions, batch.captions))
    assert torch.equal(both["text"][..., :32], short["text"][..., :32])
    assert torch.equal(both["text"][..., 32:], long["text"][..., 32:])
    assert torch.equal(both["pooled"], long["pooled"])
    assert not torch.equal(short["pooled"], long["pooled"])
    plain = source({"caption_ext": ".json"}, train={}, **usual).batch(1, 0)
    assert plain.first_captions is None


@pytest.mark.proves("train.prompt_dropout_prob")
def test_two_text_encoders_lose_their_prompt_each_for_itself(
    source: Make, folder: Path, sdxl: Any
) -> None:
    data = source(folder=folder, train={"prompt_dropout_prob": 0.5}, family=sdxl)
    seen = Counter(
        pair for number in range(100) for b in epoch(data, number) for pair in wordings(b)
    )
    assert set(seen) == {("", ""), ("", TAGS), (TAGS, ""), (TAGS, TAGS)}
    assert min(seen.values()) > 25
