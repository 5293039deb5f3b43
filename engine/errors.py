"""What can go wrong, by audience.

`RunError` and its kinds carry one sentence for a person: the worker prints it, exits with its code,
and the traceback goes to log.txt only. Anything else that escapes is a bug and is reported as one.
"""

from __future__ import annotations

from schema.extras import install_command

INVALID = 1
FAILED = 3


class RunError(Exception):
    """The run cannot go on, for a reason that one sentence explains."""

    exit_code = FAILED

    def __init__(self, message: str, *, repair: str | None = None) -> None:
        super().__init__(message if repair is None else f"{message} {repair}")
        self.message = message
        self.repair = repair


class ConfigError(RunError):
    """A setting cannot be honoured; `path` names the option."""

    exit_code = INVALID

    def __init__(self, path: str, message: str, *, repair: str | None = None) -> None:
        super().__init__(f"{path}: {message}", repair=repair)
        self.path = path


class InvalidConfigError(RunError):
    """The run's config has faults; the message is the first one, with its place."""

    exit_code = INVALID


class DataError(RunError):
    """The pictures, captions or model files are not usable; the message names the file."""

    exit_code = INVALID


class ModelError(RunError):
    """The base model's folder or file is missing something or broken; the message names what."""

    exit_code = INVALID


class DivergedError(RunError):
    """The loss became NaN or infinite."""


class OutOfMemoryError(RunError):
    """The device ran out of memory; the message names the phase."""


class CheckpointError(RunError):
    """A checkpoint cannot be read or written; what was there before is untouched."""


class MissingExtraError(RunError):
    """An optional package is not installed; the message names the extra that brings it."""

    exit_code = INVALID

    def __init__(self, package: str, extra: str, what: str) -> None:
        super().__init__(
            f"{what} needs the package {package}, which is not installed.",
            repair=f"Install it with: {install_command(extra)}",
        )


class StoppedEarly(Exception):
    """Someone asked to stop while the run was still loading, caching or sampling."""
