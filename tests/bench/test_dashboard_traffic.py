"""The dashboard's traffic at 120x40, on a growing run, in a real pseudo-terminal."""

import pytest

from tests.bench.bench_dashboard_bytes import BUDGET, measure


@pytest.mark.bench
def test_a_growing_run_sends_at_most_four_kilobytes_a_second() -> None:
    traffic = measure((120, 40), 15)
    print(f"dashboard 120x40: {traffic.mean:.0f} B/s, worst second {max(traffic.per_second)}")
    assert traffic.mean <= BUDGET
