"""A headless Chromium that shows one page, and tells what it asked for and complained of while it did."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without these it asks its maker's servers for this and that at every start.
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
_PLAIN = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")  # as root, and where there is no display
PHONE = 390
DESKTOP = 1180

Scheme = Literal["light", "dark"]


class BrowserMissing(RuntimeError):
    """No Chromium is on PATH."""


@dataclass
class Seen:
    """A page that is open: what it `asked` for (URLs) and `said` on its console, errors too.

    `refused`: what of that its own policy did not let out.
    """

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a browser; it has ended afterwards. Raises BrowserMissing."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise BrowserMissing(f"none of {', '.join(NAMES)} is on PATH")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=[*_PLAIN, *_QUIET])
        try:
            yield running
        finally:
            running.close()


@contextmanager
def shown(
    running: Browser,
    url: str,
    width: int = DESKTOP,
    scheme: Scheme = "light",
    zone: str = "Asia/Jakarta",
    scripts: bool = True,
) -> Iterator[Seen]:
    """Yield the page at `url` as it is seen in a window of that `width` (pixels), in the reader's `zone`."""
    context = running.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        timezone_id=zone,
        locale="en-GB",
        java_script_enabled=scripts,
    )
    seen = Seen(context.new_page())
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    seen.page.on(
        "requestfailed", lambda request: seen.refused.append(request.url) if request.failure == "csp" else None
    )
    seen.page.on("console", lambda message: seen.said.append(message.text))
    seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
    seen.page.on("dialog", lambda dialog: seen.said.append(dialog.message))
    try:
        seen.page.goto(url)
        yield seen
    finally:
        context.close()
