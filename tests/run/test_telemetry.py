"""The machine's history: against a stand-in at the pynvml boundary."""

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.telemetry import Cards, Telemetry, family_memory
from schema.run.metrics import MetricsReader
from tests.run.wait import until


class FakeNvml:
    """pynvml with so many cards; `broken` names the calls (and cards) that fail."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self, cards: int = 1) -> None:
        self.cards = cards
        self.broken: set[tuple[str, int | None]] = set()
        self.shut_down = 0

    def _check(self, name: str, card: int | None = None) -> None:
        if {(name, card), (name, None), ("all", card)} & self.broken:
            raise RuntimeError(f"{name} failed")

    def nvmlInit(self) -> None:
        self._check("init")

    def nvmlShutdown(self) -> None:
        self.shut_down += 1

    def nvmlDeviceGetCount(self) -> int:
        return self.cards

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._check("handle", index)
        return index

    def nvmlDeviceGetUtilizationRates(self, card: int) -> Any:
        self._check("util", card)
        return SimpleNamespace(gpu=90 + card, memory=10)

    def nvmlDeviceGetMemoryInfo(self, card: int) -> Any:
        self._check("memory", card)
        return SimpleNamespace(used=1 << 30, total=24 << 30)

    def nvmlDeviceGetTemperature(self, card: int, _sensor: int) -> int:
        self._check("temperature", card)
        return 60 + card

    def nvmlDeviceGetPowerUsage(self, card: int) -> int:
        self._check("power", card)
        return 250_500

    def nvmlDeviceGetEnforcedPowerLimit(self, card: int) -> int:
        self._check("power_limit", card)
        return 300_000


def test_a_card_is_read_in_percent_bytes_degrees_and_watts() -> None:
    assert Cards(FakeNvml()).row() == {
        "gpu0.util": 90.0,
        "gpu0.memory_used": float(1 << 30),
        "gpu0.memory_total": float(24 << 30),
        "gpu0.temperature": 60.0,
        "gpu0.power": 250.5,
        "gpu0.power_limit": 300.0,
    }


def test_eight_cards_are_eight_groups_of_series() -> None:
    row = Cards(FakeNvml(8)).row()
    assert [row[f"gpu{card}.util"] for card in range(8)] == list(range(90, 98))


@pytest.mark.parametrize("call", ["util", "memory", "temperature", "power", "power_limit"])
def test_a_failing_call_leaves_its_value_out_and_the_others_in(call: str) -> None:
    nvml = FakeNvml()
    nvml.broken.add((call, 0))
    row = Cards(nvml).row()
    assert not {name for name in row if name == f"gpu0.{call}" or name.startswith(f"gpu0.{call}_u")}
    assert 4 <= len(row) <= 5


def test_a_card_that_disappears_falls_silent_alone_and_may_come_back() -> None:
    nvml = FakeNvml(2)
    cards = Cards(nvml)
    nvml.broken.add(("all", 0))
    assert {name.partition(".")[0] for name in cards.row()} == {"gpu1"}
    nvml.broken.clear()
    assert "gpu0.util" in cards.row()


def test_without_a_driver_there_are_no_cards() -> None:
    nvml = FakeNvml()
    nvml.broken.add(("init", None))
    cards = Cards(nvml)
    assert len(cards) == 0
    assert cards.row() == {}
    cards.close()


def test_without_the_library_there_are_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Cards().row() == {}


def test_samples_are_recorded_by_time_until_closed(tmp_path: Path) -> None:
    nvml = FakeNvml(2)
    telemetry = Telemetry(tmp_path, 0, nvml=nvml, sample_seconds=0.01)
    reader = MetricsReader(tmp_path)
    until(lambda: reader.poll() and len(list(reader.values("gpu1.util"))) > 2)
    telemetry.close()
    assert nvml.shut_down == 1
    reader.poll()
    assert {"cpu", "ram", "ram_total", "gpu0.power"} <= set(reader.series())
    for row in reader.rows():
        assert row["step"] == int(row["time"] * 1000)
        assert 0 <= row["ram"] <= row["ram_total"]


def test_a_second_session_goes_on_in_the_same_history(tmp_path: Path) -> None:
    assert 0 < _session(tmp_path, more_than=1) < _session(tmp_path, more_than=0)


def _session(place: Path, more_than: int) -> int:
    """Sample until some rows are added; how many there are then."""
    reader = MetricsReader(place)
    before = len(list(reader.values("cpu")))
    telemetry = Telemetry(place, 0, nvml=FakeNvml(), sample_seconds=0.01)
    until(lambda: reader.poll() and len(list(reader.values("cpu"))) > before + more_than)
    telemetry.close()
    return len(list(MetricsReader(place).values("cpu")))


def test_a_hanging_driver_does_not_hold_the_supervisor(tmp_path: Path) -> None:
    stuck = threading.Event()

    class Hanging(FakeNvml):
        def nvmlInit(self) -> None:
            stuck.wait(60)

    telemetry = Telemetry(tmp_path, 0, nvml=Hanging(), sample_seconds=0.01)
    telemetry.close(within=0.01)
    stuck.set()


def test_the_memory_of_a_process_that_is_gone_is_nothing() -> None:
    assert family_memory(2**22 + 1) == 0.0


@pytest.mark.gpu
def test_a_real_card_tells_plausible_values() -> None:
    cards = Cards()
    row = cards.row()
    cards.close()
    assert len(cards) > 0
    assert 0 <= row["gpu0.util"] <= 100
    assert 0 < row["gpu0.memory_used"] <= row["gpu0.memory_total"]
    assert 0 < row["gpu0.temperature"] < 120
    assert 0 < row["gpu0.power"] < 2000
