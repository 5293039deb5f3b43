"""Preview prompts and their flags: what is a flag, what stays prompt, who wins."""

from __future__ import annotations

from typing import Any

import pytest

from schema.formulas.prompts import PreviewRequest, preview_requests, round_side, split_flags

SECTION: dict[str, Any] = {
    "neg": False,
    "width": 512,
    "height": 512,
    "seed": 10,
    "guidance_scale": 7.0,
    "sample_steps": 20,
    "network_multiplier": 1.0,
    "walk_seed": False,
}


def requests(*items: Any, trigger: str | None = None, **section: Any) -> list[PreviewRequest]:
    rows = [{"prompt": item} if isinstance(item, str) else item for item in items]
    return preview_requests(SECTION | section, rows, trigger)


@pytest.mark.parametrize(
    ("text", "prompt", "flags"),
    [
        ("a cat", "a cat", {}),
        ("  a cat ", "a cat", {}),
        ("", "", {}),
        ("a cat --w 768 --h 640", "a cat", {"width": 768, "height": 640}),
        ("a cat --n bad, blurry --s 9", "a cat", {"neg": "bad, blurry", "sample_steps": 9}),
        ("--seed 3", "", {"seed": 3}),
        ("a --d 1 --seed 2", "a", {"seed": 2}),
        ("a --l 1.5 --m -3", "a", {"guidance_scale": 1.5, "network_multiplier": -3.0}),
        ("a --cfg 2 --steps 4 --network_multiplier 0.5", "a",
         {"guidance_scale": 2.0, "sample_steps": 4, "network_multiplier": 0.5}),
        ("a --gr 0.7 --a 0.5 --ref 0.8 --ev 1,2.5", "a",
         {"guidance_rescale": 0.7, "adapter_conditioning_scale": 0.5, "refiner_start_at": 0.8,
          "extra_values": [1.0, 2.5]}),
        ("a --frames 9 --fps 24 --ctrl_img a b.png --ctrl_idx 1", "a",
         {"num_frames": 9, "fps": 24, "ctrl_img": "a b.png", "ctrl_idx": 1}),
        ("a --p2 style --n2 dull", "a", {"prompt_2": "style", "neg_2": "dull"}),
        ("a dash -- like this", "a dash -- like this", {}),
        ("well--w 3 known", "well--w 3 known", {}),
        ("a --what 3", "a --what 3", {}),
        ("a --W 3", "a --W 3", {}),
        ('{"json": "--w"} --w 64', '{"json": "--w"}', {"width": 64}),
    ],
)  # fmt: skip
def test_flags_are_told_from_prompt_text(text: str, prompt: str, flags: dict[str, Any]) -> None:
    assert split_flags(text) == (prompt, flags)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a --w", "--w needs a value"),
        ("a --w wide", "--w needs a whole number, not 'wide'"),
        ("a --l high --w 3", "--l needs a number, not 'high'"),
        ("a --ev 1,x", "--ev needs numbers parted by commas, not '1,x'"),
        ("a --ctrl_img x.png", "--ctrl_img is not in the engine yet"),
        ("a --n2 dull --frames 9", "--frames, --num_frames is not in the engine yet"),
    ],
)
def test_flags_that_cannot_be_read_are_named_with_their_sample(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"sample 2: {message}"):
        requests("fine", text)


def test_sides_are_rounded_down_to_eights_and_at_least_64() -> None:
    assert [round_side(pixels) for pixels in (512, 513, 519, 70, 10)] == [512, 512, 512, 64, 64]
    assert (requests("a --w 100")[0].width, requests("a", width=77)[0].width) == (96, 72)


def test_a_flag_beats_the_sample_and_the_sample_beats_the_section() -> None:
    item = {"prompt": "a --w 128", "width": 256, "height": 256, "seed": None}
    (request,) = requests(item)
    assert (request.width, request.height, request.seed) == (128, 256, 10)


def test_keys_of_a_sample_that_wait_for_the_engine_change_nothing() -> None:
    assert requests({"prompt": "a", "ctrl_idx": 0, "fps": None}) == requests("a")


def test_walking_seeds_start_anew_for_every_sample() -> None:
    own = {"prompt": "b", "seed": 99}
    seeds = [r.seed for r in requests("a", own, "c", "d --seed 5", walk_seed=True)]
    assert seeds == [10, 99, 12, 5]
    assert [r.seed for r in requests("a", own, "c")] == [10, 99, 10]
    assert [r.seed for r in requests("a", "b", seed=-1, walk_seed=True)] == [-1, -1]


def test_no_negative_prompt_is_the_empty_text() -> None:
    assert [requests("a", neg=neg)[0].neg for neg in (False, True, "", "bad")] == [
        "",
        "",
        "",
        "bad",
    ]


def test_placeholders_get_the_trigger_and_nothing_is_prefixed() -> None:
    assert requests("a [trigger] and [name]", trigger="sks")[0].prompt == "a sks and sks"
    assert requests("a cat", trigger="sks")[0].prompt == "a cat"
    assert requests("a [trigger]")[0].prompt == "a"
