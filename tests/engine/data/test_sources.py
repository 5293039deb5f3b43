"""Pictures and captions on disk: what is found, in which order, and what is refused how."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.images import crop, load_pixels, to_tensor
from engine.data.sources import open_picture, read_pictures
from engine.errors import DataError
from schema.dataset_scan import find_images
from schema.formulas.buckets import Plan
from tests.engine import tiny

WHOLE = Plan((16, 8), (16, 8))


def caption_of(image: Path, extension: str, default: str | None) -> str:
    """The caption that a picture of the folder is trained with, before triggers and dropout."""
    coded().save(image)
    return read_pictures(image.parent, extension, default)[0].caption


def coded(size: tuple[int, int] = (16, 8)) -> Image.Image:
    """A picture whose red is x and whose green is y."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width)[None]
    pixels[..., 1] = np.arange(height)[:, None]
    return Image.fromarray(pixels)


@pytest.mark.proves("datasets[].folder_path")
def test_subfolders_are_included_and_hidden_or_generated_ones_are_not(tmp_path: Path) -> None:
    names = ["b.PNG", "a.jpg", "sub/c.webp", "A.jpeg"]
    skipped = [".hidden/d.png", ".e.png", "_controls/f.png", "_latent_cache/g.png", "h.txt"]
    for name in [*names, *skipped]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path).images]
    assert found == ["A.jpeg", "a.jpg", "b.PNG", "sub/c.webp"]


def test_a_missing_or_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_pictures(tmp_path / "nowhere", ".txt", None)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"holds no pictures \(.jpg"):
        read_pictures(tmp_path, ".txt", None)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_every_broken_file_is_named_in_one_error(tmp_path: Path, suffix: str) -> None:
    tiny.draw_pictures(tmp_path, 4, (64, 64), suffix)
    cut, junk = tmp_path / f"picture_001{suffix}", tmp_path / f"picture_002{suffix}"
    cut.write_bytes(cut.read_bytes()[:-40])
    junk.write_bytes(b"this is no picture at all")
    with pytest.raises(DataError) as caught:
        read_pictures(tmp_path, ".txt", None)
    message = caught.value.message
    assert message.startswith(f"2 files in {tmp_path} cannot be used:")
    assert f"{cut} is cut off" in message
    assert f"{junk} is not a readable picture" in message


def test_a_long_list_of_faults_is_cut_and_counted(tmp_path: Path) -> None:
    for i in range(15):
        (tmp_path / f"{i:02d}.png").write_bytes(b"junk")
    with pytest.raises(DataError, match=r"(?s)15 files.*and 5 more") as caught:
        read_pictures(tmp_path, ".txt", None)
    assert len(caught.value.message.splitlines()) == 12


def test_a_broken_middle_is_found_when_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((64, 64), 90).convert("RGB").save(path)
    raw = bytearray(path.read_bytes())
    raw[200:400] = bytes(200)
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"a\.png cannot be decoded"):
        open_picture(path)
    with pytest.raises(DataError, match=r"1 file in .*\n.*a\.png cannot be decoded"):
        read_pictures(tmp_path, ".txt", None)


def test_pixels_are_read_once_and_again_when_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.draw_pictures(tmp_path, 3)
    for path in tmp_path.glob("*.png"):
        os.utime(path, (1e9, 1e9))
    monkeypatch.setattr("schema.scan_memory._JUST_NOW", -(10**18))
    counts: list[int] = []

    def decoded() -> int:
        counts.clear()
        read_pictures(tmp_path, ".txt", None, decoding=lambda done, total: counts.append(total))
        return len(counts)

    assert decoded() == 3
    assert decoded() == 0
    tiny.draw_shape("circle", (32, 32), 0.3).save(tmp_path / "picture_001.png")
    assert decoded() == 1


@pytest.mark.parametrize("kind", ["pipe", "socket", "loop", "folder link", "nothing"])
def test_what_only_bears_a_pictures_name_is_named_and_waited_for_by_nobody(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "odd.png"
    coded().save(tmp_path / "whole.png")
    if kind == "pipe":
        os.mkfifo(odd)
        os.mkfifo(tmp_path / "whole.txt")
    elif kind == "socket":
        monkeypatch.chdir(tmp_path)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("odd.png")
    elif kind == "folder link":
        odd.symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").mkdir()
    else:
        odd.symlink_to(odd if kind == "loop" else tmp_path / "gone")
    if kind == "folder link":
        assert [found.path.name for found in read_pictures(tmp_path, ".txt", None)] == ["whole.png"]
        return
    with pytest.raises(DataError, match=r"odd\.png (is a (pipe|socket), not a|cannot be read)"):
        read_pictures(tmp_path, ".txt", None)


def test_a_picture_with_data_after_its_end_is_whole(tmp_path: Path) -> None:
    tiny.draw_pictures(tmp_path, 1, (64, 48), ".jpg")
    path = tmp_path / "picture_000.jpg"
    path.write_bytes(path.read_bytes() + b"maker notes" * 10)
    assert read_pictures(tmp_path, ".txt", None)[0].size == (64, 48)


@pytest.mark.proves("datasets[].caption_ext")
def test_the_extension_chooses_the_caption_file(tmp_path: Path) -> None:
    tiny.draw_pictures(tmp_path, 1)
    (tmp_path / "picture_000.md").write_text("from md")
    for extension in ("md", ".md"):
        assert read_pictures(tmp_path, extension, None)[0].caption == "from md"
    assert read_pictures(tmp_path, "txt", None)[0].caption == "a photo of a red circle"


@pytest.mark.proves("datasets[].default_caption")
def test_missing_and_blank_captions_become_the_default(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    assert caption_of(image, ".txt", "by default") == "by default"
    assert caption_of(image, ".txt", None) == ""
    (tmp_path / "default.txt").write_text("of the folder")
    assert caption_of(image, ".txt", "by default") == "of the folder"
    (tmp_path / "a.txt").write_text(" \n")
    assert caption_of(image, ".txt", "by default") == "by default"
    assert caption_of(image, ".txt", None) == " \n"
    (tmp_path / "a.txt").write_text("own")
    assert caption_of(image, ".txt", "by default") == "own"


def test_captions_lose_their_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfein gr\xc3\xbcner\r\nKreis")
    assert caption_of(tmp_path / "a.png", ".txt", None) == "ein grüner\nKreis"


def test_a_caption_of_another_encoding_names_file_and_offset(tmp_path: Path) -> None:
    tiny.draw_pictures(tmp_path, 2)
    (tmp_path / "picture_001.txt").write_bytes("ein grüner Kreis".encode("latin-1"))
    with pytest.raises(DataError, match=r"picture_001\.txt is not UTF-8.*0xfc at offset 6"):
        read_pictures(tmp_path, ".txt", None)


def test_json_captions_give_their_text_or_stand_as_they_are(tmp_path: Path) -> None:
    own = tmp_path / "a.json"
    own.write_text(json.dumps({"caption": "long", "caption_short": "short"}))
    assert caption_of(tmp_path / "a.png", ".json", None) == "long"
    own.write_text('{"scene": "structured"}')
    assert caption_of(tmp_path / "a.png", ".json", None) == '{"scene": "structured"}'
    own.write_text('{"caption": ')
    with pytest.raises(DataError, match=r"a\.json is not valid JSON"):
        caption_of(tmp_path / "a.png", ".json", None)


def test_sizes_and_pixels_follow_the_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned a quarter clockwise
    coded().save(tmp_path / "a.png", exif=exif)
    assert read_pictures(tmp_path, ".txt", None)[0].size == (8, 16)
    turned = np.asarray(open_picture(tmp_path / "a.png"))
    assert np.array_equal(turned, np.rot90(np.asarray(coded()), -1))


def test_alpha_is_dropped_without_compositing(tmp_path: Path) -> None:
    picture = coded().convert("RGBA")
    picture.putalpha(0)
    picture.save(tmp_path / "a.png")
    assert np.array_equal(np.asarray(open_picture(tmp_path / "a.png")), np.asarray(coded()))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "1"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    tiny.draw_shape("circle", (32, 32), 0.3).convert(mode).save(path)
    assert open_picture(path).mode == "RGB"


def test_sixteen_bit_greys_keep_their_range(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    grey = np.asarray(open_picture(tmp_path / "a.png"))[..., 0]
    assert grey.min() == 0
    assert grey.max() == 255
    assert 120 < grey.mean() < 135


def test_pixels_span_minus_one_to_one() -> None:
    tensor = to_tensor(Image.fromarray(np.array([[[0, 255, 51]]], np.uint8)))
    assert tensor.shape == (3, 1, 1)
    assert tensor.flatten().tolist() == pytest.approx([-1, 1, -0.6], abs=1e-6)


def test_flips_come_before_the_crop(tmp_path: Path) -> None:
    coded().save(tmp_path / "a.png")
    left = Plan((16, 8), (4, 8))
    plain = load_pixels(tmp_path / "a.png", left, (0, 0))
    mirrored = load_pixels(tmp_path / "a.png", left, (0, 0), flip_x=True)
    upside = load_pixels(tmp_path / "a.png", left, (0, 0), flip_y=True)
    reds = ((mirrored[0, 0] + 1) * 127.5).round().tolist()
    assert reds == [15, 14, 13, 12]
    assert upside.flip(1).equal(plain)


def test_a_crop_is_cut_from_the_resized_picture() -> None:
    cut = crop(coded((32, 16)), Plan((16, 8), (4, 4)), (3, 2))
    expected = coded((32, 16)).resize((16, 8), Image.Resampling.BICUBIC).crop((3, 2, 7, 6))
    assert np.array_equal(np.asarray(cut), np.asarray(expected))


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    tiny.draw_pictures(tmp_path, 5)

    def stop(done: int, total: int) -> None:
        assert total == 5
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_pictures(tmp_path, ".txt", None, tick=stop)
    with pytest.raises(KeyboardInterrupt):
        read_pictures(tmp_path, ".txt", None, decoding=stop)
