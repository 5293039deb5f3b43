"""Publishing a run: what goes to the Hub, what stays, and that no failure costs the run."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from engine.hub import by_hand
from engine.hub_page import Page, page_text
from schema.run.layout import RunFolder
from schema.run.status import read_status
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
PUSH: dict[str, Any] = {"save__push_to_hub": True, "save__hf_repo_id": "me/shapes"}


class FakeHub:
    """In place of `huggingface_hub.HfApi`: notes what it is asked for."""

    calls: list[tuple[str, dict[str, Any]]]
    files: set[str]
    fault: Exception | None = None

    def create_repo(self, repo_id: str, **settings: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.calls.append(("create", {"repo_id": repo_id, **settings}))

    def upload_folder(self, **settings: Any) -> None:
        self.calls.append(("upload", settings))
        folder = Path(settings["folder_path"])
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        ignored = settings["ignore_patterns"]
        self.files.update(n for n in names if not any(fnmatch.fnmatch(n, i) for i in ignored))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    import huggingface_hub

    fake = FakeHub()
    fake.calls, fake.files = [], set()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: fake)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "x")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "is_offline_mode", lambda: False)
    return fake


@pytest.mark.proves("save.push_to_hub", "save.hf_repo_id", "save.hf_private")
@pytest.mark.parametrize("private", [False, True])
def test_a_finished_run_goes_to_its_repository_once_and_states_stay_here(
    new_run: NewRun, hub: FakeHub, private: bool
) -> None:
    folder = runs.finished(
        new_run,
        **PUSH,
        save__hf_private=private,
        save__save_every=3,
        logging__use_ui_logger=True,
        train__disable_sampling=False,
        sample__sample_steps=1,
        trigger_word="sks",
    )
    (_, created), (_, uploaded) = hub.calls
    assert created == {
        "repo_id": "me/shapes", "private": private, "repo_type": "model", "exist_ok": True,
    }  # fmt: skip
    assert (uploaded["repo_id"], uploaded["folder_path"]) == ("me/shapes", folder.path)
    previews = {f"samples/{path.name}" for path in folder.samples.glob("[0-9]*.jpg")}
    weights = {"run.safetensors", "run_000000003.safetensors", "run_000000006.safetensors"}
    assert hub.files == weights | previews | {"README.md"}
    assert runs.kinds(folder, "uploaded")[0]["repository"] == "me/shapes"
    page = (folder.path / "README.md").read_text()
    front = YAML(typ="safe").load(page.split("---")[1])
    assert front["instance_prompt"] == "sks"
    assert "base_model" not in front  # it lies on this machine, whose paths are nobody's business
    (widget,) = front["widget"]
    assert widget["text"] == "a red circle"
    assert "__000000006_0.jpg" in widget["output"]["url"]


@pytest.mark.proves("save.push_to_hub")
def test_a_failed_upload_is_a_warning_that_says_how_to_do_it_by_hand(
    new_run: NewRun, hub: FakeHub
) -> None:
    hub.fault = ConnectionError("no network")
    folder = runs.finished(new_run, **PUSH)
    (warning,) = [e["message"] for e in runs.kinds(folder, "warning") if "upload" in e["message"]]
    assert "no network" in warning
    assert f"hf upload me/shapes {folder.path} ." in warning
    assert "'state/*'" in by_hand("me/shapes", folder.path)


@pytest.mark.proves("save.push_to_hub")
def test_nothing_goes_out_unasked_and_nothing_of_a_run_that_did_not_finish(
    new_run: NewRun, hub: FakeHub
) -> None:
    runs.finished(new_run, "quiet", save__hf_repo_id="me/shapes")
    folder = new_run("broken", **PUSH, train__lr=1e30, train__max_grad_norm=1e30)
    assert runs.run_here(folder) == 3
    assert hub.calls == []


@pytest.mark.parametrize("offline", [False, True])
def test_a_missing_login_is_told_before_training(
    new_run: NewRun, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, offline: bool
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    monkeypatch.setattr(huggingface_hub.constants, "is_offline_mode", lambda: offline)
    folder = new_run(**PUSH)
    assert runs.run_here(folder) == 1
    status = read_status(folder)
    assert status is not None
    assert ("HF_HUB_OFFLINE" if offline else "HF_TOKEN") in str(status["error"])
    assert hub.calls == []


@pytest.mark.parametrize(
    ("arch", "base", "network", "license_", "word"),
    [
        ("flux", "black-forest-labs/FLUX.1-schnell", True, "apache-2.0", "bfloat16"),
        ("flux", "black-forest-labs/FLUX.1-dev", True, "other", "load_lora_weights"),
        ("sdxl", "some/xl", False, "creativeml-openrail-m", "from_single_file"),
    ],
)
def test_the_page_names_base_license_and_use(
    tmp_path: Path, arch: str, base: str, network: bool, license_: str, word: str
) -> None:
    page = Page("cats", "me/cats", arch, base, network, False, None, ("a",), 5)
    text = page_text(page, RunFolder(tmp_path))
    front = YAML(typ="safe").load(text.split("---")[1])
    assert (front["base_model"], front["license"]) == (base, license_)
    assert ("lora" in front["tags"]) is network
    assert word in text
    code = text.split("```py")[1].split("```")[0]
    compile(code, "usage", "exec")
