"""Pictures of a dataset: headers, ends, pixels; and that nothing is read twice."""

import os
import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from schema.check import check_file
from schema.looking import Looking
from schema.picture_files import decode_fault, look
from tests.schema.damaged_pictures import codes, noisy, spoilt


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were just written count as old enough to be remembered."""
    monkeypatch.setattr("schema.scan_memory._JUST_NOW", -(10**18))


# -- pictures


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_a_picture_that_is_cut_anywhere_is_named(
    whole: Path, images: Path, suffix: str, share: float
) -> None:
    path = noisy(images / f"cut.{suffix}")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    finding = codes(whole)["image-unreadable"]
    assert str(path) in finding.message
    assert "is cut off" in finding.message or "not a readable picture" in finding.message


def test_a_cut_photo_with_a_thumbnail_is_still_cut(images: Path) -> None:
    """The thumbnail inside the EXIF data has an end marker of its own."""
    thumbnail = (images / "1.jpg").read_bytes()
    path = noisy(images / "photo.jpg")
    raw = path.read_bytes()
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    path.write_bytes(raw[:2] + segment + raw[2:])
    assert look(path).size == (160, 120)
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut off" in str(look(path).fault)


def test_a_video_behind_a_photo_is_no_fault(images: Path) -> None:
    path = images / "1.jpg"
    path.write_bytes(path.read_bytes() + b"\x00video" * 50_000)
    assert look(path).fault is None
    assert decode_fault(path) is None


def test_a_picture_too_small_for_a_latent_is_named(whole: Path, images: Path) -> None:
    noisy(images / "dot.png", (7, 300))
    assert "is only 7x300 pixels" in codes(whole)["image-unreadable"].message


@pytest.mark.parametrize("kind", ["pipe", "socket", "loop", "gone", "device"])
def test_what_only_bears_a_pictures_name_is_named_without_waiting(
    whole: Path, images: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = images / "odd.png"
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "socket":
        monkeypatch.chdir(images)
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("odd.png")
    else:
        odd.symlink_to({"loop": odd, "gone": images / "x", "device": Path("/dev/zero")}[kind])
    (images / "odd.txt").write_text("odd")
    os.mkfifo(images / "pipe.txt")
    noisy(images / "pipe2.png").with_suffix(".txt").unlink()
    os.mkfifo(images / "pipe2.txt")
    found = codes(whole, "all")
    assert str(odd) in found["image-unreadable"].message
    assert "pipe2.txt is a pipe, not a file" in found["caption-encoding"].message


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_sizes_are_those_that_pillow_shows(images: Path, suffix: str, turn: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = turn
    path = images / f"turned.{suffix}"
    Image.new("RGB", (64, 32)).save(path, exif=exif)
    with Image.open(path) as file:
        assert look(path).size == ImageOps.exif_transpose(file).size


@pytest.mark.parametrize("size", [(8, 8), (16, 1000), (333, 77), (1023, 9)])
@pytest.mark.parametrize("how", [{"lossless": True}, {"quality": 50}, {"method": 0}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_sizes_of_webp_are_read_without_a_decoder(
    images: Path, size: tuple[int, int], how: dict[str, Any], mode: str
) -> None:
    path = images / "a.webp"
    Image.new(mode, size, (3, 200, 30, 100)[: len(mode)]).save(path, **how)
    assert look(path).size == size
    frames = [Image.new("RGB", size, (at, 0, 0)) for at in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert look(path).size == size


@pytest.mark.parametrize("seed", range(60))
def test_any_damage_to_a_picture_is_a_fault_or_none_and_never_a_crash(
    images: Path, seed: int
) -> None:
    dice = random.Random(seed)
    path = noisy(images / f"x.{dice.choice(['png', 'jpg', 'webp'])}", (40, 30))
    raw = bytearray(path.read_bytes())
    for _ in range(dice.randint(1, 20)):
        raw[dice.randrange(min(len(raw), dice.choice([40, 400, 10**6])))] = dice.randrange(256)
    path.write_bytes(raw)
    for fault in (look(path).fault, decode_fault(path)):
        assert fault is None or ("\n" not in fault and len(fault) < 200)


# -- pixels


def test_a_hole_in_the_pixels_is_found_by_reading_them(whole: Path, images: Path) -> None:
    path = spoilt(images / "hole.png")
    assert "image-unreadable" not in codes(whole, "none")
    finding = codes(whole, "few")["image-unreadable"]
    assert f"{path} cannot be decoded" in finding.message


def test_few_pixels_are_read_unasked_and_many_on_request(
    whole: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt(images / "hole.png")
    monkeypatch.setattr("schema.looking.FEW", 1000)
    found = codes(whole, "few")
    assert "image-unreadable" not in found
    assert "the pixels of 5 of 5 images were not read yet" in found["not-decoded"].message
    found = codes(whole, "all")
    assert "image-unreadable" in found
    assert "not-decoded" not in found


@pytest.mark.usefixtures("remembering")
def test_what_was_read_is_remembered_until_a_file_changes(
    whole: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(name: str) -> Callable[[Path], object]:
        import schema.scan_memory as module

        real = getattr(module, name)

        def call(path: Path) -> object:
            read.append(f"{name} {path.name}")
            return real(path)

        return call

    for name in ("look", "decode_fault", "read_caption"):
        monkeypatch.setattr(f"schema.scan_memory.{name}", counted(name))
    spoilt(images / "hole.png")
    first = codes(whole, "all")
    assert len(read) == 15
    read.clear()
    assert codes(whole, "all") == first
    assert codes(whole, "none") == first, "a fault once found is told by every check"
    assert read == []
    noisy(images / "hole.png")
    (images / "0.txt").write_text("another caption")
    assert "image-unreadable" not in codes(whole, "all")
    assert sorted(read) == [
        "decode_fault hole.png", "look hole.png", "read_caption 0.txt", "read_caption hole.txt",
    ]  # fmt: skip


@pytest.mark.usefixtures("remembering")
def test_reading_can_be_stopped_and_goes_on_later(whole: Path, images: Path) -> None:
    for number in range(6):
        noisy(images / f"more{number}.png")
    seen: list[tuple[str, int, int]] = []
    looking = Looking(
        "all", lambda *row: seen.append(row), lambda: any(row[1] >= 3 for row in seen[1:])
    )
    (finding,) = [f for f in check_file(whole, looking=looking) if f.code == "not-decoded"]
    assert "the pixels of 7 of 10 images were not read yet" in finding.message
    assert seen[0] == ("looking at pictures", 10, 10)
    assert seen[1:] == [("reading pixels", done, 10) for done in (1, 2, 3)]
    seen.clear()
    assert "not-decoded" not in codes(whole, "all")


@pytest.mark.usefixtures("remembering")
@pytest.mark.parametrize(
    "content", ["", "[]", '{"version": 1}', "\x00", '{"version": 1, "pictures']
)
def test_a_damaged_memory_only_costs_time(whole: Path, content: str) -> None:
    assert codes(whole, "all") == {}
    (memory,) = (Path(os.environ["FINETUI_HOME"]) / "state" / "scans").iterdir()
    memory.write_text(content)
    assert codes(whole, "all") == {}


def test_a_memory_that_cannot_be_written_only_costs_time(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("schema.scan_memory.write_atomic", refuse)
    assert codes(whole, "all") == {}


def test_a_file_written_just_now_is_not_remembered(whole: Path, images: Path) -> None:
    """It may change again within the clock's own step, and its times would not tell."""
    path = noisy(images / "new.png")
    assert codes(whole, "all") == {}
    raw = path.read_bytes()
    status = path.stat()
    path.write_bytes(raw[:-60] + bytes(60))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "image-unreadable" in codes(whole, "all")
