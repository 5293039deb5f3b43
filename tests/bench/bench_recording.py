"""What recording one step costs the worker, and how fast a watcher opens a long run; prints JSON.

`python -m tests.bench.bench_recording [--rows N]`. A step's row is that of the demo: seven series
and one picture. The rows reach the disk in the course of it, by the same half-second flush as in a
training, so the cost is the whole of it: queue, packing, levels, writing. Steps are spaced by a
pause-free loop, which makes every flush a big one; `cpu_microseconds` is therefore the amortised
cost that a training loop pays.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from schema.run.metrics import MetricsReader, MetricsWriter

SERIES = (
    "loss",
    "lr/unet",
    "lr/text_encoder",
    "grad_norm",
    "step_seconds",
    "data_seconds",
    "memory",
)


def record(place: Path, rows: int) -> float:
    """Record `rows` steps; CPU microseconds for each."""
    writer = MetricsWriter(place, 0)
    begun = time.process_time()
    for step in range(1, rows + 1):
        writer.record(step, dict.fromkeys(SERIES, 1.0 / step), [(500.0, 0.1)])
    writer.close()
    return (time.process_time() - begun) / rows * 1e6


def open_milliseconds(place: Path, rows: int) -> float:
    """A watcher's first picture of the whole run: names, newest values, a chart of 400 parts."""
    begun = time.perf_counter()
    reader = MetricsReader(place)
    newest = [reader.last(name) for name in reader.series()]
    window = reader.window("loss", 1, rows, 400)
    took = (time.perf_counter() - begun) * 1e3
    assert all(newest), "every series has a newest value"
    assert all(window), "every part of the chart has rows"
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        costs = [record(Path(folder) / str(repeat), rows // 5) for repeat in range(5)]
        place = Path(folder) / "long"
        record(place, rows)
        opens = [open_milliseconds(place, rows) for _ in range(5)]
        size = sum(file.stat().st_size for file in place.rglob("*"))
    result = {
        "series": len(SERIES),
        "cpu_microseconds_per_step": round(statistics.median(costs), 2),
        "rows": rows,
        "open_milliseconds": round(statistics.median(opens), 2),
        "bytes_per_step": round(size / rows, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
