"""What waits for the engine in `model:` and `network:`; see `schema.pending`."""

from typing import Final

ROWS: Final[dict[str, str]] = {}
