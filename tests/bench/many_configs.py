"""Seconds that this process needs for the configs of a folder: by `check`, or by a plain YAML load.

Run as a program, so that start-up is not counted: `python -m tests.bench.many_configs FOLDER HOW`.
"""

import sys
import time
from pathlib import Path

import yaml

from schema.check import check_file


def main(folder: str, how: str) -> None:
    """Print the seconds that the second time over all configs takes."""
    files = sorted(Path(folder).glob("*.yaml"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    seconds = 0.0
    for _ in range(2):
        begin = time.process_time()
        for file in files:
            if how == "check":
                check_file(file, files=False)
            else:
                yaml.load(file.read_bytes(), Loader=loader)
        seconds = time.process_time() - begin
    print(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
