"""Takes the pictures of README and docs: the demo project in the app, while it really trains.

`make shots`. Lays the demo out in a temporary folder, starts its training, and saves what the app
shows as SVG: the editor, and the dashboard once enough has been learned to be worth a look.
"""

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

DOCS = Path(__file__).resolve().parent
SIZE = (120, 40)
WORTH_A_LOOK = 620
"""Completed steps of the demo's 1000 at which the dashboard is taken."""
DEADLINE = 600.0
FONTS = "Fira Code, DejaVu Sans Mono, Menlo, Consolas, monospace"


async def editor(config: Path) -> str:
    """The editor on the demo's config, a training option under the cursor."""
    from tui.app import FineTuiApp

    app = FineTuiApp(config)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await settle(app, pilot)
        for _ in range(3):
            await pilot.press("]")
        for _ in range(5):
            await pilot.press("down")
        await settle(app, pilot)
        return app.export_screenshot(title="FineTUI")


async def dashboard(config: Path) -> str:
    """The dashboard on the running training."""
    from schema.run.state import derive
    from tui.app import FineTuiApp
    from tui.launch import start

    folder = start(config)
    app = FineTuiApp(config)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.open_run(folder)
        end = time.monotonic() + DEADLINE
        while derive(folder).step < WORTH_A_LOOK and time.monotonic() < end:
            await pilot.pause(0.5)
        await settle(app, pilot)
        return app.export_screenshot(title="FineTUI")


async def settle(app, pilot) -> None:  # noqa: ANN001 - Textual's own
    """Until the threads that fetch have delivered and the screen has been drawn."""
    await app.workers.wait_for_complete()
    await pilot.pause(1.2)


def saved(svg: str, name: str) -> None:
    """Write the picture, without fonts that would have to be fetched."""
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", FONTS)
    svg = "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
    (DOCS / name).write_text(svg, encoding="utf-8")
    print(f"docs/{name}")


def main() -> int:
    """Both pictures, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=["editor", "dashboard", []])
    wanted = parser.parse_args().names or ["editor", "dashboard"]
    place = Path(tempfile.gettempdir()) / "finetui-demo"
    if place.exists():
        print(f"{place} is in the way", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(FINETUI_HOME=home, TERM="xterm-256color", COLORTERM="truecolor")
        from tui.demo_project import lay_out

        try:
            config = lay_out(place)
            os.chdir(place)
            if "editor" in wanted:
                saved(asyncio.run(editor(config)), "editor.svg")
            if "dashboard" in wanted:
                saved(asyncio.run(dashboard(config)), "dashboard.svg")
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
