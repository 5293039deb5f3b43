"""What single files of FLUX.1 leave out: the configs of the original releases, in diffusers' words.

``scheduler`` is that of the models with a guidance input (dev), ``scheduler_schnell`` that of the
one without. Facts: black-forest-labs/flux and the configs of its diffusers folders.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def configs() -> dict[str, dict[str, Any]]:
    """The configs by name. Do not change what is returned."""
    found: dict[str, dict[str, Any]] = json.loads((files(__name__) / "configs.json").read_text())
    return found
