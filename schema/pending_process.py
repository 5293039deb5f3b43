"""What waits for the engine in the process types and `adapter:`; see `schema.pending`."""

from typing import Final

ROWS: Final[dict[str, str]] = {}
