"""`loss_log.db`: metrics as an SQLite file that other programs chart.

The tables are an interface: steps(step, wall_time), metric_keys(key, first_seen_step,
last_seen_step), metrics(step, key, value_real, value_text). Rows are written in transactions of up
to 256 rows or a quarter of a second; what a resumed run does again replaces the abandoned future.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from engine.trackers import Values

NAME = "loss_log.db"
ROWS, SECONDS = 256, 0.25
SETTINGS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "temp_store = MEMORY",
    "foreign_keys = ON",
)
TABLES = """
CREATE TABLE IF NOT EXISTS steps (step INTEGER PRIMARY KEY, wall_time REAL NOT NULL);
CREATE TABLE IF NOT EXISTS metric_keys (
    key TEXT PRIMARY KEY, first_seen_step INTEGER, last_seen_step INTEGER);
CREATE TABLE IF NOT EXISTS metrics (
    step INTEGER NOT NULL, key TEXT NOT NULL, value_real REAL, value_text TEXT,
    PRIMARY KEY (step, key), FOREIGN KEY (step) REFERENCES steps (step) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS idx_metrics_key_step ON metrics (key, step);
"""


class SqliteLog:
    """Writes the file; readers are never locked out (write-ahead log)."""

    def __init__(self, folder: Path, done: int) -> None:
        """`done` is the last step that counts: what lies after it is forgotten."""
        # The recorder writes from one thread, the end of the run may come from another.
        self._file = sqlite3.connect(folder / NAME, timeout=30, check_same_thread=False)
        for setting in SETTINGS:
            self._file.execute(f"PRAGMA {setting}")
        self._file.executescript(TABLES)
        self._forget_after(done)
        self._rows: list[tuple[int, float, Values]] = []
        self._flushed = time.monotonic()

    def _forget_after(self, step: int) -> None:
        with self._file as file:
            file.execute("DELETE FROM steps WHERE step > ?", (step,))
            file.execute("DELETE FROM metrics WHERE step > ?", (step,))
            file.execute("DELETE FROM metric_keys WHERE first_seen_step > ?", (step,))
            file.execute("UPDATE metric_keys SET last_seen_step = min(last_seen_step, ?)", (step,))

    def log(self, step: int, at: float, values: Values) -> None:
        """Keep the values, and write when enough have come together."""
        self._rows.append((step, at, values))
        late = time.monotonic() - self._flushed >= SECONDS
        if late or sum(len(values) for _, _, values in self._rows) >= ROWS:
            self._flush()

    def preview(self, step: int, index: int, path: Path, prompt: str) -> None:
        """Pictures have no place in the file."""

    def close(self) -> None:
        """Write the rest."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        with self._file as file:
            for step, at, values in self._rows:
                file.execute("INSERT OR REPLACE INTO steps VALUES (?, ?)", (step, at))
                for key, value in values.items():
                    file.execute(
                        "INSERT INTO metric_keys VALUES (?1, ?2, ?2) ON CONFLICT (key) "
                        "DO UPDATE SET last_seen_step = max(last_seen_step, ?2)",
                        (key, step),
                    )
                    row = (step, key, float(value))
                    file.execute("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, NULL)", row)
        self._rows.clear()
        self._flushed = time.monotonic()
