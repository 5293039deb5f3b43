"""Numbers from pictures and goal: right where practice is clear, monotone everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.advice import PRIORITIES, Priority, amounts
from schema.advice.memory import GIB, Setup, fit, peak
from schema.advice.prompts import LONGEST, cleaned, prompts, spread
from schema.presets.axes import Goal, family_sheet, goals

some_goal = st.sampled_from([goal for goal in goals().values() if goal.pictures])
some_priority = st.sampled_from(sorted(PRIORITIES))
counts = st.integers(1, 50_000)
families = st.sampled_from(["sd1", "sd2", "sdxl", "flux", "unknown"])


@given(some_goal, counts, counts, some_priority)
def test_more_pictures_are_never_seen_less_in_all(
    goal: Goal, one: int, other: int, priority: Priority
) -> None:
    few, many = sorted((one, other))
    assert amounts.views(goal, few, priority) <= amounts.views(goal, many, priority)
    assert amounts.rank(goal, few, priority) <= amounts.rank(goal, many, priority)
    assert amounts.batch(goal, few, priority) <= amounts.batch(goal, many, priority)


@given(st.integers(1, 10**6), st.integers(1, 256), st.integers(1, 256))
def test_larger_batches_never_need_more_steps(views: int, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert amounts.steps(views, large) <= amounts.steps(views, small)
    assert amounts.steps(views, small) * small >= views
    assert amounts.steps(views, small) <= views / small * 1.5 + 10


@given(st.floats(1e-7, 1e-2), st.integers(1, 512), st.integers(1, 512))
def test_larger_batches_never_take_a_smaller_rate(base: float, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert amounts.rate(base, small, "network") <= amounts.rate(base, large, "network")
    assert base * 0.4 <= amounts.rate(base, small, "network") <= base * 2.5


@given(some_goal, counts)
def test_speed_is_quickest_and_quality_longest(goal: Goal, count: int) -> None:
    quick, usual, long = (amounts.views(goal, count, p) for p in ("speed", "balanced", "quality"))
    assert quick < usual < long


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_saves_come_less_often_in_longer_runs(one: int, other: int) -> None:
    short, long = sorted((one, other))
    assert amounts.cadence(short) <= amounts.cadence(long)
    assert 0 <= amounts.average_decay(short) <= amounts.average_decay(long) < 1
    assert 1 <= amounts.warmup(short) <= amounts.warmup(long) <= 500


@pytest.mark.parametrize(
    ("goal", "pictures", "low", "high"),
    [
        ("character", 4, 1000, 1500),  # DreamBooth: about 1000 views for 3 to 5 pictures
        ("character", 20, 1500, 2500),  # guides: about 100 views of each
        ("style", 100, 4000, 6000), ("full", 1000, 40_000, 80_000),
    ],
)  # fmt: skip
def test_numbers_are_those_of_practice(goal: str, pictures: int, low: int, high: int) -> None:
    assert low <= amounts.views(goals()[goal], pictures, "balanced") <= high


def test_a_batch_is_never_most_of_the_pictures() -> None:
    assert amounts.batch(goals()["full"], 6, "quality") == 1
    assert amounts.batch(goals()["style"], 12, "quality") == 2
    assert amounts.batch(goals()["style"], 500, "quality") == 4


setups = st.builds(
    Setup,
    trains=st.sampled_from(["network", "model", "adapter"]),
    side=st.sampled_from([512, 768, 1024]),
    batch=st.integers(1, 16),
    rank=st.sampled_from([0, 8, 32, 128]),
    average=st.booleans(),
    text_encoder=st.booleans(),
)


@settings(max_examples=200)
@given(setups, families, st.floats(1, 200), st.floats(1, 200), some_priority)
def test_more_memory_gives_up_less(
    setup: Setup, arch: str, one: float, other: float, priority: Priority
) -> None:
    sheet = family_sheet(arch)
    small, large = (fit(setup, sheet, int(g * GIB), priority) for g in sorted((one, other)))
    assert large.fits or not small.fits
    assert small.setup.batch <= large.setup.batch
    assert small.setup.side <= large.setup.side
    assert small.setup.rank <= large.setup.rank
    assert small.setup.checkpointing >= large.setup.checkpointing
    assert small.setup.eight_bit >= large.setup.eight_bit
    assert small.peak <= large.peak


@settings(max_examples=200)
@given(setups, families, st.floats(1, 200), some_priority)
def test_a_saving_never_costs_memory_and_keeps_the_update(
    setup: Setup, arch: str, gib: float, priority: Priority
) -> None:
    sheet = family_sheet(arch)
    fitted = fit(setup, sheet, int(gib * GIB), priority)
    assert fitted.peak == peak(fitted.setup, sheet) <= peak(setup, sheet)
    if priority != "speed":
        # halving an odd batch rounds down, so an update may only become smaller by that
        assert fitted.setup.batch * fitted.setup.accumulation <= setup.batch
        assert fitted.setup.batch * fitted.setup.accumulation * 2 > setup.batch
    assert {name for name, _ in fitted.saved} <= {
        "checkpointing", "batch", "eight_bit", "average", "text_cached", "text_encoder",
        "quantized", "rank", "side",
    }  # fmt: skip


def test_what_may_not_be_changed_stays() -> None:
    setup = Setup(trains="network", side=1024, batch=4, rank=64)
    fitted = fit(setup, family_sheet("flux"), 1, "balanced", lambda *_: False)
    assert fitted.setup == setup
    assert not fitted.fits


def test_memory_is_about_what_people_report() -> None:
    """LoRA of SD 1.5 runs in 6 GB, of SDXL in 12, of FLUX.1 in bf16 in about 30."""
    small = Setup(trains="network", side=512, batch=1, rank=16, checkpointing=True)
    assert 2 < peak(small, family_sheet("sd1")) / GIB < 6
    middle = Setup(
        trains="network", side=1024, batch=1, rank=16, checkpointing=True, text_cached=True
    )
    assert 6 < peak(middle, family_sheet("sdxl")) / GIB < 12
    assert 24 < peak(middle, family_sheet("flux")) / GIB < 34


@given(st.lists(st.text(max_size=300), max_size=8), st.sampled_from([None, "ohwx", "a.b("]))
def test_prompts_are_few_different_and_hold_no_flags(
    captions: list[str], trigger: str | None
) -> None:
    goal = goals()["character"]
    found = prompts(goal, [" ".join(text.split()) for text in captions if text.split()], trigger)
    assert 1 <= len(found) <= 4
    assert len(set(found)) == len(found)
    for text in found:
        assert " --" not in text
        assert "${" not in text
        assert "[" not in text.replace("[trigger]", "")
        assert (trigger is not None) or "[trigger]" not in text
        assert len(text) <= LONGEST + len("[trigger], ") + 8


def test_the_trigger_is_written_so_that_it_can_be_changed() -> None:
    assert cleaned("A Zorb on grass", "zorb") == "A [trigger] on grass"
    assert cleaned("a zorbs party", "zorb") == "[trigger], a zorbs party"
    assert cleaned("a lake --w 99 [x]", None) == "a lake w 99 (x)"


def test_captions_are_spread_from_short_to_long() -> None:
    texts = ["a" * n for n in range(1, 101)]
    short, long = spread(texts, 2)
    assert len(short) == 26
    assert len(long) == 76
    assert spread(["x", "x"], 2) == ["x"]
