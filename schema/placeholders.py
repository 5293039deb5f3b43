"""`[name]` and `${VARIABLE}` in a config: replaced when it is used, kept when it is saved."""

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from schema.findings import Finding
from schema.paths import Keys, written
from schema.yaml_text import Reading

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME: Final = "[name]"


def expanded(
    data: Any, reading: Reading, environment: Mapping[str, str] | None = None
) -> tuple[Any, list[Finding]]:
    """A copy of `data` with both kinds of placeholder replaced, and findings on unset variables.

    `[name]` stands for `config.name`, in keys as well, at any depth; `${X}` for the environment
    variable X, in text only. A value that is nothing but a variable stays text.
    """
    variables = os.environ if environment is None else environment
    findings: list[Finding] = []
    name = _job_name(data)

    def text(value: str, keys: Keys) -> str:
        for variable in _VARIABLE.findall(value):
            if variable not in variables:
                message = f"the environment variable {variable} is not set"
                place = reading.place(keys)
                findings.append(
                    Finding("", written(keys), *place, "error", "variable-unset", message)
                )
        value = _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), value)
        return value.replace(_NAME, name) if name is not None else value

    def walk(value: Any, keys: Keys) -> Any:
        if isinstance(value, str):
            return text(value, keys)
        if isinstance(value, list):
            return [walk(item, (*keys, index)) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {_key(key, name): walk(item, (*keys, key)) for key, item in value.items()}
        return value

    return walk(data, ()), findings


def _key(key: Any, name: str | None) -> Any:
    return key.replace(_NAME, name) if isinstance(key, str) and name is not None else key


def _job_name(data: Any) -> str | None:
    """The job's own name, if it is text and not itself the placeholder."""
    config = data.get("config") if isinstance(data, dict) else None
    name = config.get("name") if isinstance(config, dict) else None
    return name if isinstance(name, str) and _NAME not in name else None
