"""What `check` finds in files: models, pictures, captions, the place for results."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from schema.caption_files import read_caption
from schema.check import check_file
from schema.dataset_problems import SHOWN
from schema.dataset_scan import find_images
from schema.families import FAMILIES
from schema.file_check import output_problems
from schema.findings import Finding
from schema.model_files import model_problems, vae_problems
from schema.picture_files import look
from schema.rules import Problem
from schema.tensor_files import fault_of, megabytes, pickle_fault, read_header
from tests.schema.conftest import write_json, write_safetensors

SD1 = FAMILIES["sd1"]


def problems(path: Path | str) -> list[Problem]:
    return list(model_problems(str(path), SD1))


def only(path: Path | str) -> Problem:
    (problem,) = problems(path)
    assert problem.path == "model.name_or_path"
    return problem


def weights(model: Path) -> Path:
    return model / "unet" / "diffusion_pytorch_model.safetensors"


def cut(path: Path, share: float = 0.5) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])


def widen(model: Path, width: int) -> None:
    write_json(model / "unet" / "config.json", {"cross_attention_dim": width})
    write_json(model / "text_encoder" / "config.json", {"hidden_size": width})


def test_a_whole_config_has_no_findings(whole: Path) -> None:
    assert check_file(whole) == []


def test_a_whole_model_has_no_problems(model: Path) -> None:
    assert problems(model) == []


DAMAGE: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda m: cut(weights(m), 0.9), "model-damaged", "cut off"),
    (lambda m: cut(weights(m), 0.2), "model-damaged", "cut off"),
    (lambda m: weights(m).write_bytes(b""), "model-damaged", "is empty"),
    (lambda m: weights(m).write_bytes(b"x" * 100), "model-damaged", "not a safetensors file"),
    (lambda m: weights(m).write_text("version https://git-lfs.github.com/spec/v1\n"),
     "model-damaged", "git lfs pull"),
    (lambda m: weights(m).unlink(), "model-incomplete", "has no weights"),
    (lambda m: (m / "model_index.json").unlink(), "model-incomplete", "no model_index.json"),
    (lambda m: (m / "vae" / "config.json").unlink(), "model-incomplete", "is missing"),
    (lambda m: cut(m / "vae" / "config.json"), "model-damaged", "not valid JSON"),
    (lambda m: (m / "vae" / "config.json").write_text("[]"), "model-damaged", "not a JSON object"),
    (lambda m: (m / "tokenizer" / "merges.txt").unlink(), "model-incomplete", "merges.txt"),
    (lambda m: (m / "tokenizer" / "vocab.json").write_text('{"a": '), "model-damaged",
     "vocab.json is not valid JSON"),
    (lambda m: (m / "tokenizer" / "tokenizer.json").write_text("[]"), "model-damaged",
     "tokenizer.json is not a JSON object"),
    (lambda m: (m / "tokenizer" / "tokenizer_config.json").write_text(""), "model-damaged",
     "tokenizer_config.json is not valid JSON"),
    (lambda m: (m / "scheduler" / "scheduler_config.json").unlink(), "model-incomplete",
     "scheduler_config.json"),
    (lambda m: write_json(m / "model_index.json", {"_class_name": "FluxPipeline"}), "wrong-family",
     "FluxPipeline"),
    (lambda m: write_json(m / "model_index.json", {"unet": 1, "text_encoder_2": 1}), "wrong-family",
     "holds another pipeline"),
    (lambda m: write_json(m / "unet" / "config.json", {"in_channels": 9}), "wrong-family",
     "inpainting"),
    (lambda m: write_json(m / "unet" / "config.json", {"addition_embed_type": "text_time"}),
     "wrong-family", "SDXL"),
    (lambda m: write_json(m / "unet" / "config.json", {"_class_name": "Other"}), "wrong-family",
     "is a Other"),
    (lambda m: write_json(m / "unet" / "config.json", {"cross_attention_dim": 64}), "wrong-family",
     "width 64"),
    (lambda m: widen(m, 1024), "wrong-family", "Stable Diffusion 2"),
    (lambda m: write_json(m / "vae" / "config.json", {"latent_channels": 16}), "wrong-family",
     "16 channels"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "code", "message"), DAMAGE, ids=[d[2] for d in DAMAGE])
def test_a_damaged_model_folder_says_what_is_wrong(
    model: Path, damage: Callable[[Path], object], code: str, message: str
) -> None:
    damage(model)
    problem = only(model)
    assert (problem.code, problem.severity) == (code, "error")
    assert message in problem.message


def test_every_fault_of_a_half_copied_model_comes_at_once(model: Path) -> None:
    cut(weights(model))
    (model / "vae" / "config.json").unlink()
    (model / "tokenizer" / "vocab.json").unlink()
    assert len(problems(model)) == 3


def test_missing_shards_are_named(model: Path) -> None:
    weights(model).unlink()
    table = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}
    write_json(model / "unet" / "diffusion_pytorch_model.safetensors.index.json", table)
    write_safetensors(model / "unet" / "part-1.safetensors", {"a": (2,)})
    assert "part-2.safetensors is missing" in only(model).message
    write_safetensors(model / "unet" / "part-2.safetensors", {"b": (2,)})
    assert problems(model) == []


def test_a_missing_model_gets_the_nearest_name(model: Path) -> None:
    problem = only(model.parent / "modell")
    assert (problem.code, problem.suggestion) == ("model-missing", str(model))
    assert only(model.parent / "no" / "such" / "folder").suggestion is None


def test_a_repository_that_is_not_here_is_only_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert only("someone/some-model").code == "model-not-local"
    snapshot = tmp_path / "hf" / "hub" / "models--someone--some-model" / "snapshots" / "abc"
    snapshot.parent.mkdir(parents=True)
    model.rename(snapshot)
    assert problems("someone/some-model") == []
    weights(snapshot).unlink()
    assert only("someone/some-model").code == "model-incomplete"


def test_a_folder_around_the_model_points_to_it(model: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    model.rename(outer / "inner")
    assert only(outer).suggestion == str(outer / "inner")


LDM = {
    "model.diffusion_model.input_blocks.0.0.weight": (8, 4, 3, 3),
    "first_stage_model.decoder.conv_in.weight": (4,),
    "cond_stage_model.transformer.text_model.final_layer_norm.weight": (4,),
}


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({**LDM, "conditioner.embedders.0.x": (1,)}, "is SDXL"),
        ({**LDM, "cond_stage_model.model.transformer.x": (1,)}, "is Stable Diffusion 2"),
        ({"double_blocks.0.x": (1,)}, "is Flux"),
        ({"lora_unet_x.lora_down.weight": (1,)}, "is a LoRA"),
        ({"first_stage_model.x": (1,)}, "no denoiser and no text encoder"),
        ({**LDM, "model.diffusion_model.input_blocks.0.0.weight": (8, 9, 3, 3)}, "inpainting"),
    ],
)
def test_a_single_file_of_another_kind_is_recognised(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], message: str
) -> None:
    write_safetensors(tmp_path / "m.safetensors", shapes)
    assert message in only(tmp_path / "m.safetensors").message


def test_a_whole_single_file_has_no_problems(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "m.safetensors", LDM)
    assert problems(tmp_path / "m.safetensors") == []
    cut(tmp_path / "m.safetensors", 0.95)
    assert "cut off" in only(tmp_path / "m.safetensors").message


def test_old_pickle_files_are_judged_without_being_opened(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "m.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"x" * 1000)
    assert problems(path) == []
    cut(path)
    assert "cut off" in only(path).message
    path.write_bytes(b"")
    assert pickle_fault(path) == "is empty"
    (tmp_path / "m.txt").write_text("x")
    assert only(tmp_path / "m.txt").code == "model-unknown"


def test_a_header_gives_names_and_shapes(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", {"x": (2, 3), "y": ()})
    header = read_header(tmp_path / "a.safetensors")
    assert header.shapes == {"x": (2, 3), "y": ()}
    assert header.fault is None
    raw = json.dumps({"x": 3}).encode()
    (tmp_path / "b.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw)
    assert "lists no tensors" in str(fault_of(tmp_path / "b.safetensors"))
    assert fault_of(tmp_path) == "is a folder, not a file"


@pytest.mark.parametrize(
    ("size", "text"), [(900, "0.9 kB"), (2_500_000, "2.5 MB"), (4_265_000_000, "4.26 GB")]
)
def test_sizes_are_written_for_people(size: int, text: str) -> None:
    assert megabytes(size) == text


def test_a_vae_of_its_own_is_looked_at(model: Path) -> None:
    def vae(path: Path | str) -> list[str]:
        return [p.code for p in vae_problems(str(path), SD1)]

    assert vae(model / "vae") == vae(model) == []
    assert vae(weights(model)) == []
    assert vae(model / "nothing" / "here") == ["model-missing"]
    assert vae(model / "tokenizer") == ["model-incomplete"]
    cut(weights(model))
    assert vae(weights(model)) == ["model-damaged"]


def found(whole: Path) -> list[Finding]:
    return check_file(whole)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_cut_off_picture_is_named(whole: Path, images: Path, index: int) -> None:
    path = sorted(p for p in images.iterdir() if p.suffix != ".txt")[index]
    cut(path, 0.8)
    (finding,) = found(whole)
    assert (finding.code, finding.path) == ("image-unreadable", "datasets[0].folder_path")
    assert str(path) in finding.message


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"not a picture", "not a readable picture")]
)
def test_an_unreadable_picture_is_named(
    whole: Path, images: Path, content: bytes, message: str
) -> None:
    (images / "bad.png").write_bytes(content)
    (images / "bad.txt").write_text("x")
    (finding,) = found(whole)
    assert finding.severity == "error"
    assert message in finding.message


def test_many_bad_pictures_are_counted_not_listed(whole: Path, images: Path) -> None:
    for index in range(SHOWN + 5):
        (images / f"bad{index:02}.png").write_bytes(b"")
        (images / f"bad{index:02}.txt").write_text(f"x {index}")
    findings = found(whole)
    assert len(findings) == SHOWN + 1
    assert "5 more" in " ".join(f.message for f in findings)


def test_bytes_after_a_jpeg_are_no_fault(images: Path) -> None:
    path = images / "1.jpg"
    path.write_bytes(path.read_bytes() + b"camera data" * 10)
    assert look(path).fault is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("café".encode("latin-1"), "byte 0xe9 at offset 3"),
        ("cat".encode("utf-16"), "UTF-16"),
        (b"a\x00b", "not text"),
    ],
)
def test_a_caption_of_another_encoding_is_named(
    whole: Path, images: Path, raw: bytes, message: str
) -> None:
    (images / "0.txt").write_bytes(raw)
    (finding,) = found(whole)
    assert (finding.code, finding.severity) == ("caption-encoding", "error")
    assert message in finding.message


def test_a_caption_with_a_byte_order_mark_is_fine(images: Path) -> None:
    (images / "0.txt").write_bytes("\ufeffa cat".encode())
    assert read_caption(images / "0.txt").text == "a cat"


def test_missing_captions_are_counted(whole: Path, images: Path) -> None:
    (images / "0.txt").unlink()
    (finding,) = found(whole)
    assert finding.severity == "warning"
    assert "1 of 4 images have no caption: 0.png" in finding.message
    (images / "default.txt").write_text("shared")
    assert found(whole) == []


def test_a_wrong_caption_extension_is_recognised(whole: Path, images: Path) -> None:
    for path in images.glob("*.txt"):
        path.rename(path.with_suffix(".caption"))
    (finding,) = found(whole)
    assert (finding.path, finding.suggestion) == ("datasets[0].caption_ext", ".caption")


def test_a_default_caption_makes_missing_ones_right(whole: Path, images: Path) -> None:
    (images / "0.txt").unlink()
    text = whole.read_text().replace(
        "resolution: [256", "default_caption: a\n          resolution: [256"
    )
    whole.write_text(text)
    assert found(whole) == []


def test_a_folder_that_is_missing_empty_or_a_file_says_so(whole: Path, images: Path) -> None:
    text = whole.read_text()
    whole.write_text(text.replace(str(images), str(images) + "s"))
    (finding,) = found(whole)
    assert (finding.code, finding.suggestion) == ("folder-missing", str(images))
    whole.write_text(text.replace(str(images), str(images / "0.png")))
    assert found(whole)[0].code == "not-a-folder"
    whole.write_text(text)
    for path in images.glob("*.[pjw]*"):
        path.unlink()
    (finding,) = found(whole)
    assert finding.code == "no-images"
    assert "4 other files" in finding.message


def test_hidden_and_generated_folders_hold_no_pictures(images: Path) -> None:
    for name in (".hidden", "_latent_cache", "inner"):
        (images / name).mkdir()
        (images / name / "x.png").write_bytes((images / "0.png").read_bytes())
    names = [str(path.relative_to(images)) for path in find_images(images).images]
    assert names == ["0.png", "1.jpg", "2.webp", "3.png", "inner/x.png"]


def test_the_scan_finds_what_the_engine_will_read(images: Path) -> None:
    sources = pytest.importorskip("engine.data.sources")
    (images / "sub").mkdir()
    (images / "sub" / "B.JPG").write_bytes((images / "1.jpg").read_bytes())
    read = sources.read_pictures(images, ".txt", None)
    assert find_images(images).images == [picture.path for picture in read]


def test_the_output_must_be_a_place_to_write_to(tmp_path: Path) -> None:
    assert list(output_problems(str(tmp_path / "new" / "deep"), "x")) == []
    (tmp_path / "file").write_text("x")
    (problem,) = output_problems(str(tmp_path / "file"), "x")
    assert (problem.code, problem.severity) == ("output-not-a-folder", "error")


def test_an_output_without_write_permission_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    (problem,) = output_problems(str(tmp_path / "new"), "x")
    assert problem.code == "output-not-writable"


def test_a_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=5_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    (problem,) = output_problems(str(tmp_path), "x")
    assert (problem.code, problem.severity) == ("disk-almost-full", "warning")
    assert "5.0 MB" in problem.message


def test_files_are_not_touched_when_asked_not_to(tmp_path: Path, base: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(base)
    assert check_file(path, files=False) == []
    codes = {finding.code for finding in check_file(path)}
    assert codes == {"model-missing", "folder-missing"}


def test_a_config_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    for path in (tmp_path / "no.yaml", tmp_path):
        (finding,) = check_file(path)
        assert (finding.code, finding.line) == ("unreadable-file", 0)
