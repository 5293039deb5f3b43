"""Buckets, crops and captions as formulas: the sizes and texts that the options promise."""

from __future__ import annotations

import pytest

from schema.formulas.buckets import Plan, bucket_size, bucket_step, bucket_table, cover, plan
from schema.formulas.captions import CaptionRules, dropped, render, split_tags, with_trigger
from schema.formulas.crops import center_offset, frozen_offset, random_offset

SIZES = [(w, h) for w in range(40, 1500, 97) for h in range(33, 1400, 113)]


@pytest.mark.parametrize(
    ("picture", "resolution", "step", "expected"),
    [
        ((1920, 1080), 512, 16, (672, 384)),
        ((1920, 1080), 1024, 16, (1360, 768)),
        ((4000, 3000), 1024, 16, (1168, 896)),
        ((300, 200), 512, 16, (288, 208)),
        ((15, 15), 512, 16, (16, 16)),
        ((1920, 1080), 1024, 64, (1344, 768)),
        ((800, 600), 1024, 64, (832, 576)),
        ((512, 512), 512, 64, (512, 512)),
    ],
)
def test_bucket_sizes_are_those_of_the_reference(
    picture: tuple[int, int], resolution: int, step: int, expected: tuple[int, int]
) -> None:
    assert bucket_size(*picture, resolution, step) == expected


@pytest.mark.parametrize("step", [8, 16, 64])
def test_sides_are_multiples_and_areas_within_the_budget(step: int) -> None:
    for width, height in SIZES:
        w, h = bucket_size(width, height, 512, step)
        assert w % step == 0
        assert h % step == 0
        assert w * h <= 512 * 512 or step in (w, h)
        assert min(w, h) >= step


def test_a_plan_covers_its_crop_with_slack_on_one_axis_only() -> None:
    for width, height in SIZES:
        planned = plan(width, height, 512, 16)
        across, down = planned.slack
        assert across >= 0
        assert down >= 0
        assert min(across, down) <= 1  # rounding up may leave one pixel


def test_a_bigger_step_gives_fewer_buckets() -> None:
    counts = [len({bucket_size(*size, 512, step) for size in SIZES}) for step in (16, 64, 128)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_the_step_is_a_multiple_of_what_the_model_needs() -> None:
    assert [bucket_step(t, 16) for t in (None, 1, 16, 17, 64, 100)] == [16, 16, 16, 32, 64, 112]


def test_square_crops_enlarge_and_are_whole_steps() -> None:
    assert plan(100, 400, 128, 16, square_crop=True) == Plan((128, 512), (128, 128))
    assert plan(100, 400, 100, 16, square_crop=True).crop == (96, 96)


def test_without_buckets_the_crop_is_a_square() -> None:
    assert plan(100, 400, 128, 16, buckets=False) == Plan((128, 512), (128, 128))
    native = plan(300, 400, 128, 16, buckets=False, random_crop=True)
    assert native == Plan((300, 400), (128, 128))
    small = plan(100, 400, 128, 16, buckets=False, random_crop=True)
    assert small == Plan((128, 512), (128, 128))


def test_scale_pretends_another_size() -> None:
    sizes = [plan(256, 256, 512, 16, scale=scale).crop for scale in (0.5, 1.0, 2.0, 4.0)]
    assert sizes == [(128, 128), (256, 256), (512, 512), (512, 512)]
    with pytest.raises(ValueError, match="leaves nothing"):
        plan(5, 5, 512, 16, scale=0.1)


def test_covering_an_exact_fit_changes_nothing() -> None:
    for side in range(16, 1025, 16):
        assert cover(side, side, (side, side)).scale_to == (side, side)


def test_the_table_counts_sizes_widest_first() -> None:
    table = bucket_table([(64, 64), (96, 48), (64, 64), (48, 96)])
    assert list(table.items()) == [((96, 48), 1), ((64, 64), 2), ((48, 96), 1)]


def test_crops_lie_in_the_middle_or_anywhere_inside() -> None:
    wide = Plan((101, 64), (64, 64))
    assert center_offset(wide) == (18, 0)
    drawn = {random_offset(wide, 1, step, 0) for step in range(400)}
    assert {y for _, y in drawn} == {0}
    assert {x for x, _ in drawn} == set(range(38))


def test_a_frozen_crop_belongs_to_its_file_and_repeat() -> None:
    wide = Plan((500, 64), (64, 64))
    assert frozen_offset(wide, "a.png", 0) == frozen_offset(wide, "a.png", 0)
    others = {frozen_offset(wide, "a.png", 1), frozen_offset(wide, "b.png", 0)}
    assert frozen_offset(wide, "a.png", 0) not in others


def test_a_trigger_word_is_filled_in_or_put_in_front() -> None:
    assert with_trigger("a photo of [trigger]", "sks") == "a photo of sks"
    assert with_trigger("[name], [trigger]", "sks") == "sks, sks"
    assert with_trigger("a dog", "sks") == "sks a dog"
    assert with_trigger("a sks dog", "sks") == "a sks dog"
    assert with_trigger("", "sks") == "sks"
    assert with_trigger("a [trigger] dog", None) == "a  dog"
    assert with_trigger("a dog", "  ") == "a dog"
    assert with_trigger("a [trigger]", r"\1") == r"a \1"


def test_a_dropped_caption_is_the_trigger_alone() -> None:
    rules = CaptionRules("sks", dropout_rate=1.0, shuffle_tokens=True)
    assert render("a, b, c", rules, 0, 1, 0) == "sks"
    assert render("a", CaptionRules(dropout_rate=1.0), 0, 1, 0) == ""
    assert dropped(" sks ") == "sks"


def test_captions_are_dropped_at_their_rate() -> None:
    rules = CaptionRules(dropout_rate=0.3)
    gone = sum(render("a", rules, 5, step, 0) == "" for step in range(2000))
    assert 520 < gone < 680
    assert all(render("a", CaptionRules(), 5, step, 0) == "a" for step in range(50))


def test_shuffling_reaches_every_order_and_keeps_the_first_tags() -> None:
    rules = CaptionRules(shuffle_tokens=True)
    seen = {render("a, b,c", rules, 0, step, 0) for step in range(100)}
    assert len(seen) == 6
    kept = CaptionRules("sks", shuffle_tokens=True, keep_tokens=2)
    seen = {render("a, b, c, d", kept, 0, step, 0) for step in range(100)}
    assert seen == {"sks a, b, c, d", "sks a, b, d, c"}


def test_a_prefixed_trigger_stays_in_front_of_shuffled_tags() -> None:
    rules = CaptionRules("sks", shuffle_tokens=True)
    seen = [render("a, b, c", rules, 0, step, 0) for step in range(30)]
    assert all(caption.startswith("sks ") for caption in seen)
    assert {tuple(sorted(split_tags(caption[4:]))) for caption in seen} == {("a", "b", "c")}


def test_a_caption_is_left_alone_when_nothing_is_asked_for() -> None:
    odd = "1,000 dots ,  and\nmore,"
    assert render(odd, CaptionRules(keep_tokens=1), 0, 1, 0) == odd


def test_samples_of_one_step_are_drawn_apart() -> None:
    rules = CaptionRules(shuffle_tokens=True)
    assert len({render("a, b, c, d, e", rules, 0, 1, slot) for slot in range(20)}) > 10
