"""`python -P -m engine.ask NAME`: one-shot questions that need torch, for those who must not import
it.

The question comes as a JSON object on stdin, the answer goes as one to stdout and nothing else
does; messages are on stderr. Ending the process cancels the question. Exit codes: 0 with an answer,
1 when there is none (the reason is in the answer's `error`), 2 for a question that does not exist.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import RunError

Question = Callable[[dict[str, Any]], dict[str, Any]]


def preflight(about: dict[str, Any]) -> dict[str, Any]:
    """`{"config": PATH, "folder": PATH}`: whether this machine can run the config.

    Answers `{"ok": true, "device": ..., "threads": ...}`, or raises a RunError with the obstacle.
    """
    import torch

    from engine import preflight as checks
    from engine.accelerator import pick_device, set_up_torch
    from engine.families import family_for
    from engine.worker import read_job
    from schema.run.layout import RunFolder
    from schema.sections.dtypes import torch_name
    from schema.sections.job import TrainerProcess

    folder = RunFolder(about["folder"])
    process = read_job(Path(about["config"])).config.process[0]
    assert isinstance(process, TrainerProcess)
    device = pick_device(process.device)
    checks.check(process, folder, device)
    dtype: torch.dtype = getattr(torch, torch_name(process.train.dtype))
    family_for(process.model.arch).open(process.model, process.train, device, dtype)
    threads = set_up_torch(device, Path(process.model.name_or_path))
    return {"ok": True, "device": str(device), "threads": threads}


def counts(about: dict[str, Any]) -> dict[str, Any]:
    """What model and network weigh and what a step of them needs; see `engine.counts.answer`."""
    from engine.counts import answer

    return answer(about)


QUESTIONS: dict[str, Question] = {"preflight": preflight, "counts": counts}


def main(arguments: list[str] | None = None) -> int:
    """Answer one question."""
    names = sys.argv[1:] if arguments is None else arguments
    if len(names) != 1 or names[0] not in QUESTIONS:
        print(f"usage: python -P -m engine.ask {{{','.join(QUESTIONS)}}}", file=sys.stderr)
        return 2
    try:
        # Libraries print; the answer must stay alone on stdout.
        with contextlib.redirect_stdout(sys.stderr):
            answer = QUESTIONS[names[0]](json.load(sys.stdin))
    except (RunError, OSError, KeyError, ValueError) as error:
        print(json.dumps({"error": str(error)}))
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
