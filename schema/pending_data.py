"""What waits for the engine in datasets, previews, saving, logging and job; see `pending.py`."""

from typing import Final

ROWS: Final[dict[str, str]] = {}
