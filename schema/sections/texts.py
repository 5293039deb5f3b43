"""Lists of texts that may also be written as one text."""

from typing import Annotated, Any

from pydantic import BeforeValidator


def listed(value: Any) -> Any:
    """A single text as a list of it; anything else as it is."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(listed)]
"""A list of texts; one text alone is a list of one, not of its letters."""
