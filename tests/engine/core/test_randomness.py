"""Draws depend on their key alone: not on order, batch cut, or anyone else's use of torch."""

from __future__ import annotations

import torch

from engine.randomness import batch_normal, draw, generator, global_rng_kept, seed_dropout
from schema.formulas.draws import integer, key, shuffled, uniform


def test_a_draw_is_the_same_whatever_came_before() -> None:
    first = draw(7, 3, 0, "noise", (4, 8, 8))
    torch.randn(100)
    draw(7, 3, 1, "noise", (4, 8, 8))
    assert torch.equal(first, draw(7, 3, 0, "noise", (4, 8, 8)))
    assert first.dtype is torch.float32


def test_a_batch_is_its_items_however_it_is_cut() -> None:
    whole = batch_normal(1, 2, [0, 1, 2, 3], "noise", (4, 2, 2))
    halves = [batch_normal(1, 2, items, "noise", (4, 2, 2)) for items in ([0, 1], [2, 3])]
    assert torch.equal(whole, torch.cat(halves))


def test_every_part_of_the_key_changes_the_draw() -> None:
    keys = {key(s, t, i, p) for s in (0, 1) for t in (0, 1) for i in (0, 1) for p in ("a", "b")}
    assert len(keys) == 16
    assert key(0, 1, 0, "a") != key(1, 0, 0, "a")


def test_draws_are_standard_normal_and_do_not_touch_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    values = draw(0, 0, 0, "noise", (200_000,))
    assert abs(values.mean().item()) < 0.01
    assert abs(values.std().item() - 1) < 0.01
    generator(0, 0, 0, "vae").get_state()
    assert torch.equal(before, torch.random.get_rng_state())


def test_dropout_is_seeded_per_micro_batch() -> None:
    def mask(step: int, micro: int) -> torch.Tensor:
        seed_dropout(5, step, micro)
        return torch.nn.functional.dropout(torch.ones(64), 0.5)

    with global_rng_kept():
        assert torch.equal(mask(1, 0), mask(1, 0))
        assert not torch.equal(mask(1, 0), mask(1, 1))
        assert not torch.equal(mask(1, 0), mask(2, 0))


def test_the_global_generator_is_put_back() -> None:
    before = torch.random.get_rng_state()
    with global_rng_kept():
        torch.randn(10)
    assert torch.equal(before, torch.random.get_rng_state())


def test_scalars_cover_their_range_and_a_shuffle_keeps_every_thing() -> None:
    values = [uniform(0, 0, item, "x") for item in range(2000)]
    assert 0 <= min(values) < 0.01
    assert 0.99 < max(values) < 1
    assert abs(sum(values) / 2000 - 0.5) < 0.03
    assert {integer(0, 0, item, "x", 3, 5) for item in range(100)} == {3, 4, 5}
    things = list(range(30))
    assert sorted(shuffled(1, 0, "order", things)) == things
    assert shuffled(1, 0, "order", things) != shuffled(1, 1, "order", things)
