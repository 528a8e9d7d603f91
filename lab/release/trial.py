"""Try what was built: in an empty environment, and whether the locked wheels are there for another machine."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

from lab.release.build import Release, Unbuilt, run
from telegraf_plugin import __version__

AARCH64 = ("manylinux2014_aarch64", "manylinux_2_26_aarch64", "manylinux_2_28_aarch64")
"""What a wheel for aarch64 may be called: glibc 2.17 for most, 2.26 for google-re2."""
PYTHONS = ("3.11", "3.13")
"""Those of Debian 12 and 13."""
DOWNLOAD_SECONDS = 120.0


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack the `archive` into `folder`; return the one folder that it holds."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / f"data-collector-{__version__}"


def installed(release: Release, folder: Path) -> Path:
    """Install from the archive, unpacked in `folder`, each file by its hash; return the program. Raises Unbuilt."""
    place = unpacked(release.archive, folder)
    run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], place)
    run([sys.executable, "-m", "venv", ".venv"], place)
    run([".venv/bin/pip", "install", "--quiet", "--require-hashes", "-r", "install.txt"], place)
    return place / ".venv" / "bin" / "data-collector"


def tried(program: Path, place: Path) -> str:
    """Have the installed `program` say its version, and check the configuration as it is shipped in `place`.

    Returns what it says to both. Raises Unbuilt.
    """
    settings = (place / ".env.example").read_text()
    tokens = [line for line in settings.splitlines() if line.endswith("_TOKEN=")]
    for line in tokens:
        settings = settings.replace(line, f"{line}not-a-token")
    (place / ".env").write_text(settings)
    said = run([str(program), "--version"], place)
    if said != f"data-collector {__version__}\n":
        raise Unbuilt(f"the installed program calls itself {said!r}")
    return said + run([str(program), "check", "--env-file", ".env"], place)


def for_aarch64(requirements: Path, folder: Path) -> None:
    """Fetch the wheels that are locked in `requirements` as a machine with aarch64 would. Raises Unbuilt."""
    platforms = [word for platform in AARCH64 for word in ("--platform", platform)]
    for python in PYTHONS:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", *platforms]
        command += ["--only-binary=:all:", "--python-version", python, "-d", str(folder), "-r", str(requirements)]
        run(command, folder, seconds=DOWNLOAD_SECONDS)
