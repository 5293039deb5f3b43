"""What `check` says of a dataset's captions and sizes, and how the command shows it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from schema.caption_files import read_caption
from schema.check import check_file
from schema.looking import Looking
from tests.schema.damaged_pictures import change, codes, noisy, spoilt
from tui.cli import main

# -- captions


def test_empty_captions_are_counted_unless_there_is_a_default(whole: Path, images: Path) -> None:
    (images / "0.txt").write_text(" \n")
    assert "1 of 4 images have an empty caption: 0.png" in codes(whole)["captions-empty"].message
    change(whole, "resolution: [256", "default_caption: a\n          resolution: [256")
    assert codes(whole) == {}


def test_captions_that_are_alike_are_a_hint(whole: Path, images: Path) -> None:
    for name in ("0.txt", "1.txt", "2.txt"):
        (images / name).write_text("the same\nwords")
    finding = codes(whole)["captions-alike"]
    assert finding.severity == "hint"
    assert "3 of 4 images have the caption of another image, 3 of them 'the same words'" in (
        finding.message
    )
    (images / "default.txt").write_text("shared")
    for name in ("0.txt", "1.txt", "2.txt", "3.txt"):
        (images / name).unlink()
    assert codes(whole) == {}, "a shared caption is meant to be shared"


def test_a_caption_that_no_encoder_reads_to_its_end_is_counted(whole: Path, images: Path) -> None:
    (images / "0.txt").write_text("word " * 75)
    assert "captions-too-long" not in codes(whole)
    (images / "1.txt").write_text("word, " * 38)
    finding = codes(whole)["captions-too-long"]
    assert finding.severity == "warning"
    assert "1 of 4 captions are longer than the 77 tokens that CLIP-L reads" in finding.message
    assert "1.jpg has at least 78" in finding.message


def test_no_caption_has_fewer_tokens_than_counted(images: Path) -> None:
    """A caption called too long is too long: the count is the least that CLIP can make of it."""
    pytest.importorskip("torch")
    from engine.families.clip import standard_tokenizer

    tokenizer, dice = standard_tokenizer(), random.Random(0)
    for _ in range(100):
        text = "".join(dice.choice("abc 12 ,.'stllve _-é!<|>") for _ in range(60))
        (images / "0.txt").write_text(text)
        caption = read_caption(images / "0.txt")
        assert caption.pieces + 2 <= len(tokenizer(text).input_ids), text


@pytest.mark.parametrize("content", ['{"caption": ', "[" * 5000, "{'a': 1}"])
def test_captions_that_are_no_json_are_named(whole: Path, images: Path, content: str) -> None:
    for path in images.glob("*.txt"):
        path.with_suffix(".json").write_text(json.dumps({"caption": path.stem}))
    change(whole, "resolution: [256", "caption_ext: json\n          resolution: [256")
    assert codes(whole) == {}
    (images / "0.json").write_text(content)
    assert "0.json is not valid JSON" in codes(whole)["caption-encoding"].message


def test_a_caption_of_megabytes_is_none(whole: Path, images: Path) -> None:
    (images / "0.txt").write_text("x" * 2_000_000)
    assert "has 2000 kB: that is no caption" in codes(whole)["caption-encoding"].message


def test_a_trigger_word_that_captions_lack_is_a_hint(whole: Path, images: Path) -> None:
    change(whole, "training_folder:", "trigger_word: sks\n      training_folder:")
    finding = codes(whole)["trigger-absent"]
    assert (finding.severity, finding.path) == ("hint", "trigger_word")
    assert "'sks' is not in 4 of 4 captions" in finding.message
    (images / "0.txt").write_text("a photo of sks")
    (images / "1.txt").write_text("a photo of [trigger]")
    assert "'sks' is not in 2 of 4 captions" in codes(whole)["trigger-absent"].message
    change(whole, "resolution: [256", "is_reg: true\n          resolution: [256")
    assert "trigger-absent" not in codes(whole)


def test_a_placeholder_without_a_trigger_word_is_a_warning(whole: Path, images: Path) -> None:
    (images / "0.txt").write_text("a photo of [trigger]")
    finding = codes(whole)["trigger-unset"]
    assert finding.severity == "warning"
    assert "1 captions have [trigger] in them" in finding.message


# -- sizes


def test_tiny_pictures_are_counted_against_the_smallest_resolution(
    whole: Path, images: Path
) -> None:
    noisy(images / "tiny.png", (100, 100))
    finding = codes(whole)["images-tiny"]
    assert finding.severity == "warning"
    assert "1 of 5 images have less than a quarter of the pixels of resolution 256" in (
        finding.message
    )
    assert "the smallest is tiny.png (100x100)" in finding.message


def test_what_is_enlarged_and_cut_away_is_told(whole: Path, images: Path) -> None:
    change(whole, "resolution: [256, 512]", "resolution: 512\n          square_crop: true")
    found = codes(whole)
    assert "at 512, 4 of 4 images are enlarged, up to 4.3 times" in found["images-enlarged"].message
    assert "at 512, 25% of an image is cropped away on average" in found["images-cropped"].message


def test_a_scale_that_leaves_nothing_is_an_error(whole: Path, images: Path) -> None:
    change(whole, "resolution: [256, 512]", "resolution: 256\n          scale: 0.005")
    assert "leaves nothing of images of 160x120" in codes(whole)["scale-too-small"].message


def test_the_table_of_sizes_is_that_of_the_engine(whole: Path, images: Path) -> None:
    """The same plan that training follows, counted."""
    noisy(images / "wide.png", (600, 200))
    looking = Looking()
    check_file(whole, looking=looking)
    small, large = looking.tables["datasets[0]"]
    assert (small.resolution, large.resolution) == (256, 512)
    assert sum(small.buckets.values()) == sum(large.buckets.values()) == 5
    pytest.importorskip("torch")
    from engine.data.items import Group, make_items, sizes_of
    from engine.data.sources import read_pictures
    from schema.document import Document
    from schema.formulas.buckets import bucket_table
    from schema.formulas.captions import CaptionRules

    dataset = Document.load(whole).typed().trainer.datasets[0]
    pictures = read_pictures(images, ".txt", None)
    for table in (small, large):
        planned = make_items([(Group(dataset, table.resolution, CaptionRules()), pictures)], 16)
        assert bucket_table(sizes_of(planned)) == table.buckets


# -- the command


def test_the_command_reads_all_pixels_on_request(
    whole: Path, images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("schema.looking.FEW", 0)
    spoilt(images / "hole.png")
    assert main(["check", str(whole)]) == 0
    assert "finetui check --decode does it now" in capsys.readouterr().out
    assert main(["check", "--decode", str(whole)]) == 1
    output = capsys.readouterr()
    assert "hole.png cannot be decoded" in output.out
    assert output.err == ""


def test_ctrl_c_ends_the_reading_and_tells_what_was_found(
    whole: Path, images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import signal

    from schema.dataset_scan import decode

    spoilt(images / "0.png")

    def interrupted(*arguments: Any) -> Any:
        for found in decode(*arguments):
            signal.raise_signal(signal.SIGINT)
            yield found

    monkeypatch.setattr("schema.looking.decode", interrupted)
    before = signal.getsignal(signal.SIGINT)
    try:
        assert main(["check", "--decode", str(whole)]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    output = capsys.readouterr().out
    assert "0.png cannot be decoded" in output
    assert "were not read yet" in output


def test_a_folder_of_configs_is_checked_in_one_call(
    tmp_path: Path, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "configs"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.yaml", "a.yml", "deeper/c.yaml"):
        (folder / name).write_text(base)
    (folder / "notes.json").write_text('{"a": 1}')
    (folder / "job.json").write_text('{"job": "extension", "config": {"process": [{}]}}')
    assert main(["check", "--no-files", "--json", str(folder)]) == 1
    assert {Path(row["file"]).name for row in json.loads(capsys.readouterr().out)} == {"job.json"}
    assert main(["check", "--no-files", str(folder)]) == 1
    verdicts = [line for line in capsys.readouterr().out.splitlines() if "no faults" in line]
    assert [Path(line.split(": ")[0]).name for line in verdicts] == ["a.yml", "b.yaml", "c.yaml"]
    (tmp_path / "empty").mkdir()
    assert main(["check", str(tmp_path / "empty")]) == 1
    assert "is a folder, not a file" in capsys.readouterr().out
