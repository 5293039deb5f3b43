"""Control pictures and masks: found by name, laid on their picture, read at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.data.loader import DataSource
from engine.errors import DataError
from tests.engine import tiny
from tests.engine.data.test_loader import process

Make = Callable[..., DataSource]
ASSISTED = {"adapter_assist_name_or_path": "somewhere"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, twice as wide as high."""
    return tiny.draw_pictures(tmp_path / "pictures", 2, (128, 64))


@pytest.fixture
def source(folder: Path, tiny_sd1: Path, sd1: Any) -> Iterator[Make]:
    made: list[DataSource] = []
    warned: list[str] = []

    def make(dataset: dict[str, Any], **train: Any) -> DataSource:
        settings = {"batch_size": 2} | train
        config = process(folder, tiny_sd1, settings, {"resolution": 64} | dataset)
        made.append(DataSource(config, sd1, 0))
        made[-1].prepare(warn=warned.append)
        made[-1].warned = warned  # type: ignore[attr-defined]
        return made[-1]

    yield make
    for data in made:
        data.close()


def halves(path: Path, left: Any, right: Any, size: tuple[int, int] = (128, 64)) -> Path:
    """A picture of two colours side by side."""
    path.parent.mkdir(exist_ok=True)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[np.size(left)]
    picture = Image.new(mode, size, right)
    picture.paste(Image.new(mode, (size[0] // 2, size[1]), left), (0, 0))
    picture.save(path)
    return path.parent


def sides(values: Tensor) -> tuple[float, float]:
    """The mean of the left and of the right quarter."""
    quarter = values.shape[-1] // 4
    return values[..., :quarter].mean().item(), values[..., -quarter:].mean().item()


def row_of(data: DataSource, step: int, name: str) -> int:
    """The place in the batch of a picture."""
    names = [data.items[item].picture.path.stem for item in data.batch(step, 0).items]
    return names.index(name)


# -- control pictures


@pytest.mark.proves("datasets[].control_path")
def test_a_control_picture_lies_on_its_picture(source: Make, tmp_path: Path) -> None:
    control = halves(tmp_path / "control/picture_000.png", (255, 0, 0), (0, 0, 255), (256, 128))
    data = source({"control_path": str(control)}, **ASSISTED)
    batch = data.batch(1, 0)
    assert batch.control_BCHW is not None
    assert batch.pixels_BCHW is not None
    assert batch.control_BCHW.shape == batch.pixels_BCHW.shape
    row = row_of(data, 1, "picture_000")
    assert sides(batch.control_BCHW[row, 0]) == (1, 0)
    assert sides(batch.control_BCHW[row, 2]) == (0, 1)
    assert batch.control_BCHW[1 - row].abs().max() == 0  # the other has none: black
    assert data.warned == [  # type: ignore[attr-defined]
        "1 picture has no control picture: black (such as picture_001.png)."
    ]
    # Nobody looks at it: nothing is read.
    assert source({"control_path": str(control)}).batch(1, 0).control_BCHW is None


@pytest.mark.proves("datasets[].control_path")
def test_a_control_picture_is_mirrored_and_cropped_as_its_picture(
    source: Make, folder: Path, tmp_path: Path
) -> None:
    for path in folder.glob("*.png"):
        (tmp_path / "control").mkdir(exist_ok=True)
        with Image.open(path) as picture:
            picture.save(tmp_path / "control" / path.name)
    for options in ({"flip_x": True}, {"random_crop": True, "square_crop": True}):
        data = source({"control_path": [str(tmp_path / "control")]} | options, **ASSISTED)
        for step in range(1, 5):
            batch = data.batch(step, 0)
            assert batch.control_BCHW is not None
            assert batch.pixels_BCHW is not None
            assert torch.allclose(batch.control_BCHW * 2 - 1, batch.pixels_BCHW, atol=1e-5)


@pytest.mark.proves(
    "datasets[].control_path_1", "datasets[].control_path_2", "datasets[].control_path_3"
)
def test_numbered_folders_stand_for_a_list(source: Make, tmp_path: Path) -> None:
    one, two, three = (
        str(halves(tmp_path / f"{name}/picture_000.png", color, color))
        for name, color in (("a", (255, 0, 0)), ("b", (0, 255, 0)), ("c", (0, 0, 255)))
    )
    listed = source({"control_path": [one, two, three]}, **ASSISTED).batch(1, 0).control_BCHW
    numbered = {"control_path_1": one, "control_path_2": two, "control_path_3": three}
    found = source(numbered, **ASSISTED).batch(1, 0).control_BCHW
    assert listed is not None
    assert found is not None
    assert found.shape[:3] == (2, 3, 3)
    assert torch.equal(found, listed)
    gap = {"control_path_1": one, "control_path_3": three}
    both = source(gap, **ASSISTED).batch(1, 0).control_BCHW
    assert both is not None
    assert both.shape[1] == 2
    assert torch.equal(both[:, 1], listed[:, 2])


@pytest.mark.proves("datasets[].control_transparent_color")
def test_transparent_parts_get_the_configured_colour(source: Make, tmp_path: Path) -> None:
    control = str(halves(tmp_path / "control/picture_000.png", (0, 255, 0, 0), (0, 0, 255, 255)))
    data = source({"control_path": control, "control_transparent_color": [255, 0, 0]}, **ASSISTED)
    batch = data.batch(1, 0)
    assert batch.control_BCHW is not None
    found = batch.control_BCHW[row_of(data, 1, "picture_000")]
    assert [sides(channel) for channel in found] == [(1, 0), (0, 0), (0, 1)]


def test_files_that_are_no_pictures_are_all_named_before_training(
    source: Make, tmp_path: Path
) -> None:
    (tmp_path / "control").mkdir()
    for name in ("picture_000.png", "picture_001.jpg"):
        (tmp_path / "control" / name).write_bytes(b"none")
    with pytest.raises(DataError, match=r"2 files(.|\n)*picture_000.png(.|\n)*picture_001.jpg"):
        source({"control_path": str(tmp_path / "control")}, **ASSISTED)


# -- masks


@pytest.mark.proves("datasets[].mask_path")
def test_a_mask_lies_on_its_picture_and_pictures_without_count_fully(
    source: Make, tmp_path: Path
) -> None:
    masks = str(halves(tmp_path / "masks/picture_000.png", 255, 0))
    data = source({"mask_path": masks, "flip_x": True})
    for step in range(1, 5):
        batch = data.batch(step, 0)
        if batch.mask_B1HW is None:  # neither of its pictures has one
            continue
        assert batch.mask_B1HW.shape[1] == 1
        for item, mask in zip(batch.items, batch.mask_B1HW, strict=True):
            shown = data.items[item]
            if shown.picture.path.stem == "picture_001":
                assert mask.min() == 1
            else:
                assert sides(mask) == ((0, 1) if shown.flip_x else (1, 0))
    assert "has no mask" in data.warned[0]  # type: ignore[attr-defined]


@pytest.mark.proves("datasets[].invert_mask", "datasets[].mask_min_value")
def test_masks_may_be_inverted_and_keep_a_least_weight(source: Make, tmp_path: Path) -> None:
    masks = str(halves(tmp_path / "masks/picture_000.png", 255, 0))
    for options, wanted in (
        ({}, (1, 0)),
        ({"invert_mask": True}, (0, 1)),
        ({"mask_min_value": 0.2}, (1, pytest.approx(0.2))),
        ({"invert_mask": True, "mask_min_value": 0.2}, (pytest.approx(0.2), 1)),
    ):
        data = source({"mask_path": masks} | options)
        batch = data.batch(1, 0)
        assert batch.mask_B1HW is not None
        assert sides(batch.mask_B1HW[row_of(data, 1, "picture_000")]) == wanted


@pytest.mark.proves("datasets[].alpha_mask")
def test_transparency_is_a_mask_and_leaves_the_colours_alone(
    source: Make, folder: Path, tmp_path: Path
) -> None:
    before = source({}).batch(1, 0)
    path = folder / "picture_000.png"
    with Image.open(path) as picture:
        alpha = Image.new("L", picture.size, 0)
        alpha.paste(255, (0, 0, 64, 64))
        clear = picture.convert("RGB")
    clear.putalpha(alpha)
    clear.save(path)
    data = source({"alpha_mask": True})
    batch = data.batch(1, 0)
    assert batch.mask_B1HW is not None
    row = row_of(data, 1, "picture_000")
    assert sides(batch.mask_B1HW[row]) == (1, 0)
    assert batch.mask_B1HW[1 - row].min() == 1  # it has no alpha channel
    assert batch.pixels_BCHW is not None
    assert before.pixels_BCHW is not None
    assert torch.equal(batch.pixels_BCHW, before.pixels_BCHW)


def test_edges_of_large_masks_are_blurred_differently_at_every_step(
    source: Make, folder: Path, tmp_path: Path
) -> None:
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            picture.resize((1024, 512)).save(path)
        halves(tmp_path / "masks" / path.name, 255, 0, (1024, 512))
    data = source({"mask_path": str(tmp_path / "masks"), "resolution": 512})
    middles = set()
    for step in range(1, 9):
        mask = data.batch(step, 0).mask_B1HW
        assert mask is not None
        middles |= set(mask[:, 0, 10, mask.shape[-1] // 2 + 1].tolist())
    assert len(middles) > 1
    other = source({"mask_path": str(tmp_path / "masks"), "resolution": 512})
    again, same = data.batch(1, 0).mask_B1HW, other.batch(1, 0).mask_B1HW
    assert again is not None
    assert same is not None
    assert torch.equal(again, same)


def test_a_batch_of_black_masks_counts_fully_and_is_told_once(source: Make, tmp_path: Path) -> None:
    for number in (0, 1):
        halves(tmp_path / f"masks/picture_00{number}.png", 0, 0)
    data = source({"mask_path": str(tmp_path / "masks")})
    for step in (1, 2):
        mask = data.batch(step, 0).mask_B1HW
        assert mask is not None
        assert mask.min() == 1
    (warning,) = data.warned  # type: ignore[attr-defined]
    assert "are black" in warning


def test_a_mask_that_is_turned_is_named(source: Make, tmp_path: Path) -> None:
    masks = halves(tmp_path / "masks/picture_000.png", 255, 0, (64, 128))
    with pytest.raises(DataError, match=r"64x128, its picture 128x64"):
        source({"mask_path": str(masks)})
    path = masks / "picture_000.png"
    with Image.open(path) as picture:
        exif = picture.getexif()
        exif[0x0112] = 6  # turned by a quarter when it is shown
        picture.copy().save(path, exif=exif)
    assert source({"mask_path": str(masks)}).batch(1, 0).mask_B1HW is not None
