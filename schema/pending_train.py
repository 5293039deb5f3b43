"""What waits for the engine in the options of `train:`; see `schema.pending`."""

from typing import Final

ROWS: Final[dict[str, str]] = {}
