"""What a config's model and network weigh, counted without their weights.

`engine.ask counts` calls :func:`answer`: the model is built on torch's meta device from its configs
(`weightless`), gets the configured network by the code that training uses (`model`), and is asked
for a few training steps on tensors that have a shape and no content (`recording`, `activations`).
No family is named here: whatever opens through `engine.families` is counted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def answer(about: dict[str, Any]) -> dict[str, Any]:
    """`{"config": PATH, "measure": BOOL}`: the record of `schema.estimate.counts` as JSON.

    `measure` also records activations, which takes some seconds more. `config` may hold the text of
    a config in place of its path, under `text`. Raises a RunError where the model cannot be opened.
    """
    import torch

    from engine.counts.model import counted
    from engine.errors import ConfigError
    from engine.worker import typed
    from schema.document import Document
    from schema.estimate.scope import model_part
    from schema.sections.dtypes import torch_name
    from schema.sections.job import TrainerProcess

    text = about.get("text")
    document = Document.load(Path(about["config"])) if text is None else Document.parse(text)
    process = typed(document).config.process[0]
    if not isinstance(process, TrainerProcess):
        raise ConfigError("config.process", f"{process.type} trains no model to be counted.")
    dtype: torch.dtype = getattr(torch, torch_name(process.train.dtype))
    return counted(model_part(process), dtype, measure=bool(about.get("measure")))
