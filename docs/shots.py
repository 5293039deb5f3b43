"""Takes the pictures of README and docs: the demo project in the app, while it really trains.

`make shots`. Lays the demo out in a temporary folder, starts its training, and saves what the app
shows as SVG: the editor, and the dashboard once enough has been learned to be worth a look.
"""

import argparse
import asyncio
import html
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
TEXT = re.compile(r"<text([^>]*)>([^<]*)</text>")
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each bit of a braille character, from the lowest."""
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
        for _ in range(7):
            await pilot.press("down")
        await settle(app, pilot)
        return app.export_screenshot(title="FineTUI")


async def dashboard(config: Path) -> str:
    """The dashboard on the running training."""
    from schema.run.commands import send
    from schema.run.process import ProcessId, fate
    from schema.run.state import derive
    from schema.run.status import read_status
    from tui.app import FineTuiApp
    from tui.launch import start

    folder = start(config)
    app = FineTuiApp(config)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await app.open_run(folder)
        end = time.monotonic() + DEADLINE
        while derive(folder).step < WORTH_A_LOOK and time.monotonic() < end:
            await pilot.pause(0.5)
        await settle(app, pilot)
        picture = app.export_screenshot(title="FineTUI")
        supervisor = ProcessId.from_json(read_status(folder)["supervisor"])
        send(folder, "stop")
        # Nothing may write into the folder any more when it is removed.
        while supervisor and fate(supervisor) == "alive":
            await pilot.pause(0.2)
        return picture


async def settle(app, pilot) -> None:  # noqa: ANN001 - Textual's own
    """Until the threads that fetch have delivered and the screen has been drawn."""
    await app.workers.wait_for_complete()
    await pilot.pause(1.2)


def saved(svg: str, name: str) -> None:
    """Write the picture, without fonts that would have to be fetched."""
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = TEXT.sub(dotted, svg.replace("Fira Code, monospace", FONTS))
    svg = "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
    (DOCS / name).write_text(svg, encoding="utf-8")
    print(f"docs/{name}")


def dotted(match: re.Match[str]) -> str:
    """A text element with its braille characters drawn as dots: few fonts have them all.

    A cell is 12.2 wide and, from 18.5 above the base line, 24.4 high: two by four dots.
    """
    attributes, words = match[1], html.unescape(match[2])
    if not any(0x2800 < ord(letter) <= 0x28FF for letter in words):
        return match[0]
    left, base = (float(re.search(rf'\b{axis}="([\d.]+)"', attributes)[1]) for axis in "xy")
    kind = re.search(r'class="([^"]+)"', attributes)[1]
    path = []
    for place, letter in enumerate(words):
        bits = ord(letter) - 0x2800 if 0x2800 < ord(letter) <= 0x28FF else 0
        for dot, (column, row) in enumerate(DOTS):
            if bits >> dot & 1:
                x = left + place * 12.2 + 1.6 + column * 6.1
                y = base - 18.5 + 1.7 + row * 6.1
                path.append(f"M{x:.1f} {y:.1f}h3v3h-3z")
    rest = "".join("\u00a0" if 0x2800 < ord(letter) <= 0x28FF else letter for letter in words)
    drawn = f'<path class="{kind}" d="{"".join(path)}"/>'
    return f"<text{attributes}>{html.escape(rest)}</text>{drawn}"


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
