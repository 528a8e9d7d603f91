"""Build what is released, the same to the byte each time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.release.archive import entries, write_archive
from telegraf_plugin import __version__

BUILD_SECONDS = 300.0
"""How long one of the tools may take; each takes some seconds."""
SUMS = "SHA256SUMS"


class Unbuilt(Exception):
    """A release cannot be built, or does not work; the text says why."""


@dataclass(frozen=True, slots=True)
class Release:
    """What was built."""

    wheel: Path
    source: Path
    bill: Path
    archive: Path
    sums: Path


def release_time(root: Path) -> int:
    """Return when (Unix s) this version was released, as the changelog of `root` says. Raises Unbuilt."""
    said = re.search(rf"^## \[{re.escape(__version__)}\] - (\S+)$", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    if said is None:
        raise Unbuilt(f"CHANGELOG.md has no heading '## [{__version__}] - <date>'")
    return int(datetime.strptime(said[1], "%Y-%m-%d").replace(tzinfo=UTC).timestamp())


def committed(root: Path) -> None:
    """Refuse a clone at `root` with changes: a site's own files are no release. Raises Unbuilt."""
    if not (root / ".git").exists():
        return
    changed = [line[3:] for line in run(["git", "status", "--porcelain"], root).splitlines()]
    if changed:
        raise Unbuilt(
            f"not committed: {', '.join(changed)}; a release is made of what is: commit it, or take a fresh clone"
        )


def build(root: Path, into: Path) -> Release:
    """Build the release of the clone at `root` into the folder `into`. Raises Unbuilt."""
    time = release_time(root)
    into.mkdir(parents=True, exist_ok=True)
    for old in into.iterdir():
        if old.name == SUMS or re.match(r"data[_-]collector-", old.name):
            old.unlink()
    run([sys.executable, "-m", "hatchling", "build", "-d", str(into.resolve())], root, time)
    (wheel,), (source,) = into.glob("*.whl"), into.glob("data_collector-*.tar.gz")
    bill = into / f"data-collector-{__version__}.cdx.json"
    _bill(root, bill, time)
    archive = into / f"data-collector-{__version__}-release.tar.gz"
    found = entries(root)
    found[wheel.name], found["sbom.cdx.json"] = (wheel.read_bytes(), False), (bill.read_bytes(), False)
    found["install.txt"] = (_install(wheel).encode(), False)
    found[SUMS] = (_sums({name: content for name, (content, _) in found.items()}).encode(), False)
    write_archive(archive, f"data-collector-{__version__}", found, time)
    sums = into / SUMS
    sums.write_text(_sums({file.name: file.read_bytes() for file in (wheel, source, bill, archive)}))
    return Release(wheel, source, bill, archive, sums)


def run(command: list[str], folder: Path, time: int | None = None, seconds: float = BUILD_SECONDS) -> str:
    """Run `command` in `folder`, its clock for what it writes `time` (Unix s); return what it says. Raises Unbuilt."""
    env = dict(os.environ) | ({"SOURCE_DATE_EPOCH": str(time)} if time is not None else {})
    try:
        ended = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unbuilt(f"{' '.join(command)}: not over after {seconds:g} s") from None
    if ended.returncode:
        raise Unbuilt(f"{' '.join(command)}: status {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def _bill(root: Path, place: Path, time: int) -> None:
    """Write the SBOM (CycloneDX) of what is locked to run. Raises Unbuilt."""
    project = place.with_suffix(".toml")
    try:
        # Its reader wants the version where hatchling takes it from the package.
        text = (root / "pyproject.toml").read_text()
        project.write_text(text.replace('dynamic = ["version"]', f'version = "{__version__}"'))
        words = ["-m", "cyclonedx_py", "requirements", "--output-reproducible", "--pyproject", str(project.resolve())]
        words += ["--output-file", str(place.resolve()), str((root / "requirements.txt").resolve())]
        run([sys.executable, *words], root, time)
    finally:
        project.unlink(missing_ok=True)


def _install(wheel: Path) -> str:
    """Return what `pip install --require-hashes -r` takes to install exactly what is released."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"-r requirements.txt\n./{wheel.name} --hash=sha256:{digest}\n"


def _sums(files: dict[str, bytes]) -> str:
    """Return what `sha256sum --check` takes."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
