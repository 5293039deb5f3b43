"""Options of the other sections, and that the lists of exceptions hold only what they must."""

from __future__ import annotations

import pytest

from tests.engine.metamorphic.cases import ALIKE, GIVEN, UNTRIED, tried
from tests.engine.metamorphic.trying import Runs, options_of, try_out

OTHERS = ("model", "network", "datasets", "sample", "save", "logging")


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", options_of(*OTHERS))
def test_the_numbers_change_as_declared(path: str, trained: Runs) -> None:
    try_out(path, trained)


def test_the_lists_name_options_that_are_tried() -> None:
    known = {info.path for info in tried()}
    assert set(GIVEN) - known == set()
    assert set(ALIKE) - known == set()
    assert set(UNTRIED) - known == set()
    assert not set(UNTRIED) & (set(GIVEN) | set(ALIKE))
