"""Advice as a whole: always valid, fitting to machine and pictures, every choice respected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from schema.advice import (
    HELPS,
    PRIORITIES,
    Advice,
    Answers,
    Hardware,
    Pictures,
    advise,
    hardware_of,
)
from schema.advice.pictures import are_tags, common_word, look, side_of
from schema.catalogue import find
from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.presets import trained_families, waiting
from schema.presets.axes import goals, memory_classes

GIB = 2**30
PAIRS = [
    (row.arch, goal.name)
    for row in trained_families()
    for goal in goals().values()
    if waiting(goal, row) is None
]
sides = st.integers(64, 6000)
words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=80
)
machines = st.builds(
    Hardware,
    accelerator=st.sampled_from(["cuda", "cpu", "mps"]),
    memory=st.none() | st.integers(0, 200 * GIB),
    used=st.integers(0, 20 * GIB),
    bf16=st.booleans(),
    eight_bit=st.booleans(),
    ram=st.none() | st.integers(GIB, 2000 * GIB),
    disk=st.sampled_from(["ssd", "disk", "network", None]),
    disk_free=st.none() | st.integers(0, 4000 * GIB),
)
folders = st.builds(
    Pictures,
    folder=st.just("some/pictures"),
    count=st.integers(1, 100_000),
    sizes=st.lists(st.tuples(sides, sides), max_size=12).map(tuple),
    captions=st.lists(words.map(lambda text: " ".join(text.split())), max_size=6).map(tuple),
    uncaptioned=st.integers(0, 50),
    caption_ext=st.sampled_from([".txt", ".caption"]),
    writable=st.booleans(),
)
answers = st.builds(
    lambda pair, **rest: Answers(family=pair[0], goal=pair[1], **rest),
    st.sampled_from(PAIRS),
    priority=st.sampled_from(sorted(PRIORITIES)),
    help=st.sampled_from(sorted(HELPS)),
    trigger=st.none() | st.sampled_from(["", "zorb", "a b", "[x]: #"]),
    name=st.sampled_from(["", "mine", "a: b #c"]),
    folder=st.sampled_from(["", "some/pictures"]),
)


def findings(advice: Advice) -> list[Finding]:
    return check_document(Document.parse(advice.text), files=False)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers, st.none() | machines, st.none() | folders)
def test_advice_is_always_valid(
    asked: Answers, machine: Hardware | None, pictures: Pictures | None
) -> None:
    advice = advise(asked, machine, pictures)
    worse = [one for one in findings(advice) if one.severity != "hint"]
    assert [one.sentence() for one in worse] == []
    assert Document.parse(advice.text).raw == advice.data
    assert advise(asked, machine, pictures).text == advice.text


def value(advice: Advice, path: str) -> Any:
    return advice.case.sheet.value(path)


def why(advice: Advice, path: str) -> str:
    return advice.case.sheet.values[path].why


@pytest.mark.parametrize(("arch", "goal"), PAIRS)
def test_more_memory_never_means_smaller_batches_or_pictures(arch: str, goal: str) -> None:
    before: Advice | None = None
    for name in memory_classes():
        advice = advise(Answers(family=arch, goal=goal), hardware_of(name))
        if before is not None:
            for path in ("train.batch_size", "network.linear"):
                assert (value(before, path) or 0) <= (value(advice, path) or 0)
            on = "train.gradient_checkpointing"
            assert value(before, on) >= value(advice, on)
            assert max(value(before, "datasets[0].resolution")) <= max(
                value(advice, "datasets[0].resolution")
            )
        before = advice


def seen(**more: Any) -> Pictures:
    usual: dict[str, Any] = {"folder": "p", "count": 40, "sizes": ((1024, 1024),) * 40}
    return Pictures(**usual | more)


def test_steps_follow_from_the_pictures() -> None:
    few, many = (advise(Answers(goal="style"), None, seen(count=n)) for n in (30, 300))
    assert value(few, "train.steps") < value(many, "train.steps")
    assert "your 300 pictures" in why(many, "train.steps")
    assert "about 60 pictures" in why(advise(Answers(goal="style")), "train.steps")


def test_sizes_follow_from_the_pictures() -> None:
    small = advise(Answers(), None, seen(sizes=((300, 300),) * 40))
    assert value(small, "datasets[0].resolution") == [256]
    assert value(small, "sample.width") == 256
    assert "never enlarged" in why(small, "datasets[0].resolution")
    assert value(advise(Answers(), None, seen()), "datasets[0].resolution") == [512]
    assert side_of([(2000, 2000)] * 6 + [(300, 300)] * 5, 1024) == 1024
    assert side_of([(2000, 2000)] * 4 + [(800, 800)] * 5, 1024) == 768


def test_quality_trains_at_two_sizes_longer_with_more_room() -> None:
    usual, best = (
        advise(Answers(priority=one), hardware_of("24gb"), seen()) for one in ("balanced",
        "quality")
    )  # fmt: skip
    assert value(best, "datasets[0].resolution") == [384, 512]
    assert value(best, "network.linear") == 2 * value(usual, "network.linear")
    assert value(best, "network.linear_alpha") == value(best, "network.linear")
    assert value(best, "train.lr_scheduler") == "cosine"
    assert value(best, "train.ema_config.use_ema") is True


def test_many_odd_shapes_are_merged() -> None:
    odd = tuple((500 + 37 * n, 1400 - 41 * n) for n in range(20))
    advice = advise(Answers(), None, seen(sizes=odd, count=20))
    assert value(advice, "datasets[0].bucket_tolerance") == 64
    assert value(advise(Answers(), None, seen()), "datasets[0].bucket_tolerance") is None


def test_latents_are_kept_where_there_is_room() -> None:
    many = seen(count=20_000)
    plenty = advise(Answers(), Hardware(ram=64 * GIB, disk_free=500 * GIB), many)
    assert value(plenty, "datasets[0].cache_latents") is True
    assert value(plenty, "datasets[0].cache_latents_to_disk") is True
    little = advise(Answers(), Hardware(ram=2 * GIB, disk_free=500 * GIB), many)
    assert value(little, "datasets[0].cache_latents") is None
    assert value(little, "datasets[0].cache_latents_to_disk") is True
    nothing = advise(Answers(), Hardware(ram=2 * GIB, disk_free=GIB), many)
    assert value(nothing, "datasets[0].cache_latents_to_disk") is None
    few = advise(Answers(), Hardware(ram=64 * GIB), seen())
    assert value(few, "datasets[0].cache_latents_to_disk") is None
    remote = advise(Answers(), Hardware(ram=64 * GIB, disk="network"), many)
    assert value(remote, "datasets[0].cache_latents_to_disk") is None


def test_a_short_disk_keeps_fewer_saves() -> None:
    rich = advise(Answers(goal="full"), Hardware(disk_free=500 * GIB))
    poor = advise(Answers(goal="full"), Hardware(disk_free=5 * GIB))
    assert value(rich, "save.max_step_saves_to_keep") == 2
    assert value(poor, "save.max_step_saves_to_keep") == 1
    assert "disk is short" in why(poor, "save.max_step_saves_to_keep")


@pytest.mark.parametrize(
    ("machine", "dtype"),
    [
        (Hardware(accelerator="cpu"), "fp32"), (Hardware(memory=24 * GIB, bf16=False), "fp16"),
        (Hardware(memory=24 * GIB), "bf16"), (None, "bf16"),
    ],
)  # fmt: skip
def test_the_precision_is_one_that_the_machine_is_good_at(
    machine: Hardware | None, dtype: str
) -> None:
    assert value(advise(Answers(), machine), "train.dtype") == dtype
    if machine is not None and not machine.bf16:
        assert value(advise(Answers(goal="full"), machine), "train.dtype") == "bf16"


def test_eight_bit_optimizers_only_where_they_are_installed() -> None:
    tight = Hardware(memory=12 * GIB)
    assert value(advise(Answers(goal="full"), tight), "train.optimizer") == "adamw8bit"
    without = advise(Answers(goal="full"), Hardware(memory=12 * GIB, eight_bit=False))
    assert value(without, "train.optimizer") == "adamw"
    assert any("GPU memory" in note for note in without.notes())


def test_the_text_encoder_learns_new_words_unless_memory_is_short() -> None:
    assert value(advise(Answers(goal="character")), "train.train_text_encoder") is True
    assert value(advise(Answers(goal="style")), "train.train_text_encoder") is None
    frugal = advise(Answers(goal="character", priority="memory"))
    assert value(frugal, "train.train_text_encoder") is None
    assert value(frugal, "train.cache_text_embeddings") is True


def test_tags_are_shuffled_and_sentences_are_not() -> None:
    tags = ("1girl, hat, smile, red scarf, outdoors",) * 9
    assert are_tags(tags)
    assert value(advise(Answers(), None, seen(captions=tags)), "datasets[0].shuffle_tokens") is True
    text = ("A girl with a hat smiles, her red scarf waving in the wind of the sea",) * 9
    assert not are_tags(text)
    assert value(advise(Answers(), None, seen(captions=text)), "datasets[0].shuffle_tokens") is None


def test_previews_are_made_of_real_captions_and_the_trigger() -> None:
    captions = tuple(f"a zorb in the {place}" for place in ("snow", "kitchen", "old harbour"))
    asked = Answers(goal="character", trigger="zorb")
    drawn = [
        one["prompt"]
        for one in value(advise(asked, None, seen(captions=captions)), "sample.samples")
    ]
    assert drawn[0] == "a [trigger] in the kitchen" or "[trigger]" in drawn[0]
    assert drawn[-1] == goals()["character"].probe
    assert common_word(captions) == "zorb"
    assert common_word(("a cat", "a dog")) is None


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "train.batch_size": st.integers(1, 9), "train.gradient_accumulation": st.integers(1, 4),
            "network.linear": st.integers(1, 200), "train.steps": st.integers(1, 99_999),
            "train.lr": st.sampled_from([1e-5, 3e-4]), "train.optimizer": st.just("adafactor"),
            "train.gradient_checkpointing": st.booleans(), "train.train_text_encoder":
            st.booleans(), "train.cache_text_embeddings": st.just(False), "datasets[0].resolution":
            st.just([640]), "train.ema_config.use_ema": st.booleans(), "save.save_every":
            st.integers(1, 999), "sample.seed": st.integers(0, 9), "train.max_grad_norm":
            st.just(0.5),
        },
    )
)  # fmt: skip
def test_a_choice_stays_and_the_rest_is_advised_around_it(pins: dict[str, Any]) -> None:
    asked = Answers(goal="character", pins=pins)
    advice = advise(asked, hardware_of("8gb"), seen())
    for path, chosen in pins.items():
        if path == "network.linear_alpha":
            continue
        assert value(advice, path) == chosen
        assert why(advice, path) == "Your choice."
    assert [f.sentence() for f in findings(advice) if f.severity == "error"] == []
    assert value(advice, "network.linear_alpha") == value(advice, "network.linear")


def test_a_pinned_batch_changes_steps_and_rate() -> None:
    free, pinned = (
        advise(Answers(goal="style", pins=pins)) for pins in ({}, {"train.batch_size": 8})
    )
    assert value(pinned, "train.steps") < value(free, "train.steps")
    assert value(pinned, "train.lr") > value(free, "train.lr")


def test_every_advised_path_is_an_option() -> None:
    for arch, goal in PAIRS:
        for one in advise(Answers(family=arch, goal=goal)).values:
            assert find(one.path) is not None, one.path


def test_help_decides_how_much_is_explained() -> None:
    lots, some, none = (
        advise(Answers(help=one)).text.count("#") for one in ("lots", "some", "none")
    )
    assert lots > 25
    assert 1 < some < lots
    assert none == 1


def test_unknown_goals_and_families_are_refused() -> None:
    for asked in (Answers(goal="nothing"), Answers(family="nothing")):
        with pytest.raises(KeyError):
            advise(asked)


# -- looking at pictures


def test_a_look_sees_sizes_captions_and_faults(tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (64 + number, 32)).save(tmp_path / f"{number}.png")
    (tmp_path / "0.caption").write_text("a  zorb\n here", encoding="utf-8")
    (tmp_path / "1.caption").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    os.mkfifo(tmp_path / "pipe.png")
    turned = Image.new("RGB", (90, 30))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    found = look(tmp_path)
    assert found.caption_ext == ".caption"
    assert found.captions == ("a zorb here",)
    assert (30, 90) in found.sizes
    assert found.unreadable == 2
    assert found.count == 7
    assert found.uncaptioned == 6


@pytest.mark.parametrize("name", ["nothing", "file", "empty"])
def test_a_look_says_why_there_is_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    found = look(tmp_path / name)
    assert found.problem
    assert found.count == 0
    advice = advise(Answers(folder=found.folder), None, found)
    assert value(advice, "datasets[0].folder_path") == found.folder
    assert any(found.problem in note for note in advice.notes())


def test_json_captions_give_their_text(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "a.json").write_text('{"caption": "a lake"}')
    assert look(tmp_path).captions == ("a lake",)
    (tmp_path / "a.json").write_text("not json")
    assert look(tmp_path).captions == ()
