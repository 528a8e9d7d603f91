"""README.id.md, the short guide in Indonesian, is in step with the documents that it is short for."""

from __future__ import annotations

import re

from lab.monitoring.alerts import ALERTS, SILENCE
from tests.unit.test_lint import ROOT

GUIDE = (ROOT / "README.id.md").read_text()
OTHERS = "\n".join(
    file.read_text() for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if file.name != "README.id.md"
)


def commands(text: str) -> list[str]:
    """The lines of the code blocks, without comments."""
    lines = (line.strip() for line in text.splitlines() if line.startswith("    "))
    return [line.split("  #")[0].strip() for line in lines if line]


def test_every_command_of_the_guide_is_one_that_the_documents_show() -> None:
    shown = {re.sub(r"^docker compose (exec|run --rm) data-collector ", "", line) for line in commands(OTHERS)}
    shown |= set(re.findall(r"`(?:docker compose exec data-collector )?(data-collector [^`]+)`", OTHERS))
    ours = commands(GUIDE)
    assert len(ours) > 10
    plain = [re.sub(r"^docker compose (exec|run --rm) data-collector ", "", line) for line in ours]
    assert [line for line in plain if line not in shown] == []


def test_every_alert_is_in_the_guide() -> None:
    told = re.findall(r"^\| ([A-Z][^|]*?) \|", GUIDE.split("\n## Alarm\n")[1].split("\n## ")[0], re.MULTILINE)
    assert told[1:] == [alert.title for alert in (*ALERTS, SILENCE)]


def test_the_guide_is_found_from_the_readme() -> None:
    assert "(README.id.md)" in (ROOT / "README.md").read_text()
