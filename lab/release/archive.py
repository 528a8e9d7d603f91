"""The release's archive: what the collector runs from, by whichever way, without a clone."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

INSIDE = (
    *(
        ".dockerignore",
        ".env.example",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Dockerfile",
        "LICENSE",
        "README.id.md",
        "README.md",
    ),
    *(
        "SECURITY.md",
        "compose.demo.yaml",
        "config",
        "deploy",
        "docker-compose.secrets.yaml",
        "docker-compose.yaml",
        "docs",
        "lab",
    ),
    *("logs", "monitoring", "pyproject.toml", "requirements-build.txt", "requirements.txt", "scripts", "systemd"),
    *("telegraf.conf", "telegraf_plugin"),
)
"""Files and folders of the clone. The demo's containers need lab; the image is built from telegraf_plugin."""
_LEFT_OUT = re.compile(r"__pycache__|.*\.(bak|log(\.\d+)?|orig|pyc|rej)|.*~")
"""What a folder may have that is no clone's repository's: there git knows better."""

Entries = dict[str, tuple[bytes, bool]]
"""By path: the content, and whether it is a program."""


def entries(root: Path) -> Entries:
    """Return what of the clone at `root` belongs into the archive."""
    tracked = _tracked(root)
    files = (file for name in INSIDE for file in _files(root / name))
    names = ((str(file.relative_to(root)), file) for file in files)
    return {
        name: (file.read_bytes(), os.access(file, os.X_OK)) for name, file in names if not tracked or name in tracked
    }


def write_archive(place: Path, folder: str, found: Mapping[str, tuple[bytes, bool]], time: int) -> None:
    """Write `found`, in one `folder`, as tar.gz to `place`: the same bytes for the same content and `time` (Unix s)."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (content, program) in sorted(found.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), time, 0o755 if program else 0o644
            tar.addfile(entry, io.BytesIO(content))
    with place.open("wb") as file, gzip.GzipFile("", "wb", 9, file, time) as packed:
        packed.write(plain.getvalue())


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for entry in sorted(place.iterdir()):
        if not _LEFT_OUT.fullmatch(entry.name):
            yield from _files(entry)


def _tracked(root: Path) -> set[str]:
    """Return the files that git keeps of `root`; none where it is no clone."""
    if not (root / ".git").exists():
        return set()
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    return set(ended.stdout.split("\0"))
