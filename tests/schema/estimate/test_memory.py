"""Memory by part and phase, on counts whose figures are round."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schema.estimate.figures import Figure, added, in_bytes, unknown
from schema.estimate.hardware import Card, Machine, device_of
from schema.estimate.memory import CONTEXT, PhaseMemory, peak, phases
from schema.estimate.optimizers import factored, state_bytes
from schema.estimate.remedies import remedies
from tests.schema.estimate.configs import COUNTS, MIB, need


def part(found: list[PhaseMemory], phase: str, name: str) -> float | None:
    """The MiB of a part."""
    figure = next(one for one in found if one.phase == phase).parts[name]
    return None if figure.value is None else figure.value / MIB


def test_weights_are_in_the_dtype_of_the_config_and_trained_values_in_32_bit() -> None:
    found = phases(need())
    assert part(found, "training", "denoiser") == 200
    assert part(found, "training", "text_encoder") == 40
    assert part(found, "training", "trained") == 8
    assert part(found, "training", "gradients") == 8
    assert part(found, "training", "optimizer") == pytest.approx(16, abs=0.001)


def test_a_whole_model_is_trained_in_32_bit_and_is_no_second_copy() -> None:
    whole = replace(COUNTS, trained=(replace(COUNTS.trained[0], parameters=100 * MIB),))
    found = phases(need({"network": None}, whole))
    assert part(found, "training", "denoiser") == 400
    assert "trained" not in found[0].parts


def test_activations_follow_batch_and_checkpointing_at_once() -> None:
    def work(**train: Any) -> float:
        found = phases(need({f"train.{name}": value for name, value in train.items()}))
        value = part(found, "training", "activations")
        gradients = part(found, "training", "gradients")
        assert value is not None
        assert gradients is not None
        return value + gradients

    assert work() == pytest.approx(200)
    assert work(batch_size=4) == pytest.approx(800)
    assert work(batch_size=4, gradient_checkpointing=True) == pytest.approx(200)
    # Gradients of earlier micro-batches are there already.
    assert work(gradient_accumulation=2) == pytest.approx(208)


def test_the_largest_bucket_counts() -> None:
    from schema.estimate.pictures import Table

    table = Table({(1024, 512): 1, (256, 256): 90}, 91, 92, {}, 0)
    found = phases(need(table=table))
    assert part(found, "training", "activations") == pytest.approx(400 - 8)


def test_the_peak_is_that_of_the_largest_phase() -> None:
    drawing = {
        "train.disable_sampling": False,
        "train.gradient_checkpointing": True,
        "sample.prompts": ["a"],
        "sample.width": 2048,
        "sample.height": 2048,
        "sample.sample_every": 10,
    }
    found = phases(need(drawing))
    assert [one.phase for one in found] == ["caching", "training", "preview", "saving"]
    most = peak(found)
    assert most is not None
    assert most.phase == "preview"
    assert part(found, "preview", "activations") == pytest.approx(16 * 40)  # the decoder


def test_averages_captions_and_cuda_are_parts() -> None:
    found = phases(need({"train.ema_config": {"use_ema": True}}, room=24_000))
    assert part(found, "training", "average") == 8
    assert part(found, "training", "system") == CONTEXT / MIB
    cached = phases(need({"train.cache_text_embeddings": True}))
    training = next(one for one in cached if one.phase == "training")
    assert "text_encoder" not in training.parts
    assert training.parts["captions"].value == 11_000


def test_fewer_bits_count_the_linear_layers_alone() -> None:
    flux = {"model.quantize": True, "model.qtype": "qfloat8", "model.quantize_te": False}
    assert part(phases(need(flux)), "training", "denoiser") == 60 + 2 * 40


def test_what_was_not_counted_is_unknown_and_not_made_up() -> None:
    found = phases(need(counts=None))
    assert peak(found) is None
    assert all(figure.value is None for one in found for figure in one.parts.values())
    only_weights = replace(COUNTS, activations=None)
    found = phases(need(counts=only_weights))
    assert part(found, "training", "denoiser") == 200
    assert part(found, "training", "activations") is None
    assert peak(found) is None


def test_sums_carry_the_least_sure_origin_and_the_spread() -> None:
    total = added([Figure(100, "counted"), Figure(100, "measured", spread=0.1)])
    assert (total.value, total.source, total.spread) == (200, "measured", 0.05)
    assert (total.low, total.high) == (190, 210)
    assert added([Figure(1, "counted"), unknown("why")]).note == "why"


@pytest.mark.parametrize(
    ("count", "words"), [(5, "5B"), (2**20, "1.0M"), (1.6 * 2**30, "1.60G"), (24 * 2**30, "24.0G")]
)
def test_bytes_are_short(count: float, words: str) -> None:
    assert in_bytes(count) == words


def test_states_of_optimizers_by_hand() -> None:
    shapes = [((100, 50), 2), ((10,), 1)]
    assert state_bytes("adamw", {}, shapes) == 2 * (2 * 4 * 5000 + 4) + 84
    assert state_bytes("lion", {}, shapes) == 4 * 10_010
    assert factored((100, 50)) == 4 * 150
    assert state_bytes("adafactor", {}, shapes) == 2 * 600 + 40
    blocks = -(-5000 // 256)
    assert state_bytes("adamw8bit", {}, [((100, 50), 1)]) == 2 * (5000 + 4 * blocks) + 2048


def test_the_device_is_the_named_one_or_the_first_gpu() -> None:
    machine = Machine((Card(0, "A", 10), Card(1, "B", 20)), 99, "CPU: Z")
    assert device_of(None, machine).total == 10
    assert device_of("cuda:1", machine).label == "GPU 1: B"
    assert device_of("cuda:1", machine).name == "B"
    assert device_of("cuda:7", machine).total is None
    assert device_of("cpu", machine).total == 99
    assert device_of(None, Machine((), 99)).kind == "cpu"


def test_the_smallest_change_that_fits_comes_first() -> None:
    batch = {"train.batch_size": 8, "train.cache_text_embeddings": True}
    assert remedies(need(batch, room=24_000)) == []
    first = remedies(need(batch, room=1700))[0]
    assert first.changes == {"train.gradient_checkpointing": True}
    assert first.fits
    checkpointed = {**batch, "train.gradient_checkpointing": True, "train.batch_size": 32}
    found = remedies(need(checkpointed, room=1700))
    assert found[0].fits
    assert found[0].changes == {"train.batch_size": 8, "train.gradient_accumulation": 4}


def test_several_changes_are_joined_where_one_is_not_enough() -> None:
    batch = {"train.batch_size": 16}
    found = remedies(need(batch, room=1250))
    assert found
    assert found[0].fits
    assert len(found[0].changes) > 1


def test_where_nothing_fits_the_best_is_said_to_be_too_much() -> None:
    found = remedies(need({"train.batch_size": 2}, room=300))
    assert found
    assert not any(remedy.fits for remedy in found)
    assert found[0].peak <= found[-1].peak
