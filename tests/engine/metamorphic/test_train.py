"""Every option of `train:` changes training where it says so, and leaves it alone otherwise."""

from __future__ import annotations

import pytest

from tests.engine.metamorphic.trying import Runs, options_of, try_out


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", options_of("train"))
def test_the_numbers_change_as_declared(path: str, trained: Runs) -> None:
    try_out(path, trained)
