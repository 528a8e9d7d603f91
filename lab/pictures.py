"""`python -m lab.pictures`: the documents' pictures, taken of the programs themselves.

Out: `docs/report.png` (the report of the example site, in Chromium), `docs/status.svg` (`data-collector status` of it)
and `docs/demo.svg` (the demo's screen, of real servers that have run for DEMO_S seconds).
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console, RenderableType

from lab import screen
from lab.browser import DESKTOP, browser, shown
from lab.engines import REPOSITORY
from lab.example import Example
from lab.feed import Pod30Feeder, machine_agent
from lab.loopback import free_port, wait_until
from lab.site import Site
from lab.telegraf import TelegrafProcess, program_path, work_folder
from telegraf_plugin import settings
from telegraf_plugin.commands import stream_rows
from telegraf_plugin.commands.session import Session
from telegraf_plugin.commands.tables import table

DOCS = REPOSITORY / "docs"
PROGRAM = Path(sys.executable).parent / "data-collector"
WEEK_S = 7 * 24 * 3600
DEMO_S = 30
INTERVAL_S = 5


def main() -> None:
    """Take them all."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-pictures-")))
        site = stack.enter_context(Site())
        _example(site, folder)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-pictures-")))
        site = stack.enter_context(Site())
        _demo(site, folder, stack)


def _example(site: Site, folder: Path) -> None:
    site.pod_30.set_retention(site.buckets.power, WEEK_S)
    environment = site.environment(60, free_port()) | {"PATH": program_path(), "COLLECTOR_ENV_FILE": ""}
    now = time.time_ns()
    Example(site, environment, now).write()
    place = folder / "report.html"
    command = [str(PROGRAM), "report", "--output", str(place)]
    ended = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if not place.is_file():
        raise RuntimeError(ended.stderr)
    with browser() as running, shown(running, place.as_uri()) as seen:
        end = seen.page.locator(".charts").bounding_box()
        assert end is not None
        height = end["y"] + end["height"] + 24
        seen.page.screenshot(
            path=DOCS / "report.png", full_page=True, clip={"x": 0, "y": 0, "width": DESKTOP, "height": height}
        )
    config = settings.load(REPOSITORY / "config/queries.yaml", os.environ | environment)
    rows = stream_rows.look(Session(config).central, list(config.streams), now)
    _terminal(
        table(stream_rows.HEADINGS, [row.cells() for row in rows]), "data-collector status", 150, DOCS / "status.svg"
    )


def _demo(site: Site, folder: Path, stack: ExitStack) -> None:
    stack.enter_context(machine_agent(site.pod_8, site.buckets.telegraf, folder))
    stack.enter_context(Pod30Feeder(site.pod_30, site.buckets.power, site.buckets.pods))
    port = free_port()
    work = work_folder(folder / "work")
    environment = site.environment(INTERVAL_S, port) | {"PATH": program_path()}
    stack.enter_context(TelegrafProcess(work / "telegraf.conf", environment, work))
    wait_until(lambda: TelegrafProcess.health(port) == 200, "good health", 60)
    full = time.monotonic() + DEMO_S
    wait_until(lambda: time.monotonic() > full, "a screen that is full", DEMO_S + 5)
    shot = screen.look(site, [port], time.time_ns())
    _terminal(
        screen.render(shot, f"what arrives in central, every {INTERVAL_S} s"), "make demo", 118, DOCS / "demo.svg"
    )


def _terminal(shown_: RenderableType, title: str, width: int, place: Path) -> None:
    """Save what a terminal of so many columns shows as an SVG that loads nothing."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(shown_)
    text = console.export_svg(title=title, unique_id="terminal")
    text = re.sub(r"@font-face \{.*?\}\s*", "", text, flags=re.DOTALL)  # from a server elsewhere
    place.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
