"""The machine through a stand-in at the boundary of pynvml."""

import threading

import pytest

from tests.tui.fake_nvml import Card, FakeNvml, NVMLError
from tui.watch.gpu import (
    GONE,
    NO_GPU,
    Host,
    MachineReader,
    Nvml,
    from_telemetry,
    host_from_telemetry,
    read_host,
)


def test_one_card_is_read_in_plain_units():
    card = Nvml(FakeNvml()).read().gpus[0]
    assert card.short_name == "H200"
    assert card.utilisation == pytest.approx(0.78)
    assert card.memory_total == 139 * 2**30
    assert (card.temperature, card.power, card.fan) == (64, 612.0, None)
    assert card.problem is None


def test_eight_cards_are_eight_readings():
    readings = Nvml(FakeNvml([Card() for _ in range(8)])).read()
    assert [card.index for card in readings.gpus] == list(range(8))


@pytest.mark.parametrize("field", ["used", "load", "heat", "milliwatts"])
def test_one_failing_call_leaves_the_other_values(field):
    card = Nvml(FakeNvml([Card(**{field: None})])).read().gpus[0]
    values = [card.memory_used, card.utilisation, card.temperature, card.power]
    assert values.count(None) == 1
    assert card.problem is None


def test_a_card_that_answers_nothing_says_so_beside_one_that_works():
    silent = Card(used=None, load=None, heat=None, milliwatts=None)
    readings = Nvml(FakeNvml([silent, Card()])).read()
    assert readings.gpus[0].problem == GONE
    assert readings.gpus[1].problem is None


def test_a_card_that_disappears_stays_as_gone_under_its_name():
    nvml = FakeNvml([Card(), Card(name="NVIDIA A100")])
    reader = Nvml(nvml)
    assert reader.read().gpus[1].problem is None
    nvml.cards[1].lost = True
    lost = reader.read().gpus[1]
    assert (lost.short_name, lost.problem) == ("A100", GONE)
    nvml.cards.pop()
    assert [card.problem for card in reader.read().gpus] == [None, GONE]


def test_a_driver_that_dies_shows_its_cards_as_gone_and_comes_back():
    nvml = FakeNvml()
    reader = Nvml(nvml)
    reader.read()
    nvml.absent = True
    assert reader.read().gpus[0].problem == GONE
    nvml.absent = False
    assert reader.read().gpus[0].problem is None


def test_no_driver_is_one_clean_sentence():
    readings = Nvml(FakeNvml(absent=True)).read()
    assert readings.gpus == ()
    assert readings.why == NO_GPU


def test_another_fault_of_nvml_is_named():
    class Broken(FakeNvml):
        def nvmlInit(self):
            raise NVMLError("Driver/library version mismatch")

    assert Nvml(Broken()).read().why == f"{NO_GPU}: Driver/library version mismatch"


def test_no_cards_are_said_to_be_no_gpu():
    assert Nvml(FakeNvml([])).read().why == NO_GPU


def test_this_machine_can_always_be_asked():
    readings = Nvml().read()
    assert readings.gpus or readings.why
    host = read_host()
    assert host is not None
    assert host.memory_total > host.memory_used > 0


def test_the_thread_reads_at_once_and_gives_nvml_back_when_stopped():
    nvml, heard = FakeNvml(), threading.Event()
    news = []

    def notify(cards, host):
        news.append((cards, host))
        heard.set()

    reader = MachineReader(notify, Nvml(nvml), lambda: Host(0.5, 1, 2), every=30)
    reader.start()
    assert heard.wait(5)
    reader.stop()
    reader.join(5)
    assert not reader.is_alive()
    assert nvml.shut == 1
    assert news[0][1] == Host(0.5, 1, 2)


def test_a_paused_thread_does_not_ask_the_driver():
    nvml, heard = FakeNvml(), threading.Event()
    reader = MachineReader(lambda *_: heard.set(), Nvml(nvml), lambda: None, every=0)
    reader.pause(True)
    reader.start()
    assert not heard.wait(0.05)
    reader.pause(False)
    assert heard.wait(5)
    reader.stop()
    reader.join(5)


def test_recorded_telemetry_reads_like_live_cards():
    values = {
        "gpu0.util": 78.0, "gpu0.memory_used": 5.0, "gpu0.memory_total": 10.0,
        "gpu0.temperature": 64.0, "gpu1.util": 10.0, "cpu": 12.0, "ram": 3.0, "ram_total": 8.0,
    }  # fmt: skip
    readings = from_telemetry(values)
    assert [card.index for card in readings.gpus] == [0, 1]
    assert readings.gpus[0].utilisation == pytest.approx(0.78)
    assert readings.gpus[1].power is None
    assert host_from_telemetry(values) == Host(0.12, 3, 8)


def test_telemetry_without_cards_says_no_gpu():
    assert from_telemetry({"cpu": 1.0}).why == NO_GPU
    assert host_from_telemetry({}) is None
