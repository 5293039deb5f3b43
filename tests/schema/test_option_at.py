"""One option found by its path is the option of the catalogue; `check` builds no catalogue."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from schema.catalogue import find, options_for
from schema.option_at import option_at
from schema.sections.processes.names import PROCESS_ROWS
from tests.house.files import ROOT

SHARED = {"process_types", "by_process", "process_defaults", "owner", "variants", "shape"}
"""What says something about other process types, or is compared by its keys."""


@pytest.mark.parametrize("kind", PROCESS_ROWS)
def test_an_option_found_by_its_path_is_that_of_the_catalogue(kind: str) -> None:
    names = {field.name for field in dataclasses.fields(options_for(kind)[0])} - SHARED
    for info in options_for(kind):
        listed, found = find(info.path, kind), option_at(info.path, kind)
        assert listed is not None
        assert found is not None, info.path
        assert found.variants.keys() == listed.variants.keys()
        for name in names:
            assert getattr(found, name) == getattr(listed, name), f"{info.path}: {name}"


@pytest.mark.parametrize(
    "path", ["train.nothing", "datasets.flip_x", "train.lr.x", "nothing", "config", "slider", "[]"]
)
def test_a_path_that_leads_nowhere_gives_nothing(path: str) -> None:
    assert option_at(path, "sd_trainer") is None


def test_check_of_a_trainer_builds_no_catalogue_and_knows_no_other_process(tmp_path: Path) -> None:
    from tests.schema.conftest import BASE

    (tmp_path / "a.yaml").write_text(BASE)
    code = (
        "import json, sys; from schema.check import check_file; import schema.catalogue as c;"
        f"check_file({str(tmp_path / 'a.yaml')!r}, files=False);"
        "print(json.dumps([c.options.cache_info().currsize, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows, modules = json.loads(done.stdout)
    assert rows == 0
    others = {"generate", "vae", "esrgan", "caption", "sliders", "pictures", "tagger"}
    assert not {f"schema.sections.processes.{name}" for name in others} & set(modules)
    assert not {"torch", "numpy", "textual", "ruamel.yaml", "PIL"} & set(modules)
