"""Going on from a checkpoint: what may have changed in the config since, and what follows from it.

The launcher asks before it starts anything; the worker asks again, because a config can be edited
in the run's folder and a checkpoint can be older than the last config.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from engine.errors import ConfigError
from schema.run.changes import changes
from schema.sections.job import JobFile


def judge(saved: Mapping[str, Any], now: JobFile) -> list[str]:
    """Sentences for the changes that make it another run; raises ConfigError for a refused one.

    `saved` is the job as the checkpoint holds it, in plain values.
    """
    try:
        before = JobFile.model_validate(saved)
    except ValidationError:
        return ["The checkpoint's config is of another version: what changed cannot be told."]
    found = changes(before, now)
    refused = [change for change in found if change.on_resume == "refused"]
    if refused:
        listed = ", ".join(change.sentence() for change in refused)
        raise ConfigError(
            refused[0].path,
            f"a run that goes on cannot change it ({listed}).",
            repair="Set it back, or give the run another name.",
        )
    new = [change.sentence() for change in found if change.on_resume == "new-trajectory"]
    if not new:
        return []
    return [f"The run goes on with changes that make it another one from here: {', '.join(new)}."]
