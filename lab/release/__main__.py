"""`python -m lab.release`: build dist/ and say what is in it. Exit status 1 when it cannot be or fails."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from lab.engines import REPOSITORY
from lab.release import trial
from lab.release.build import Unbuilt, build, committed


def main() -> int:
    """Build and try the release; returns the exit status."""
    try:
        committed(REPOSITORY)
        release = build(REPOSITORY, REPOSITORY / "dist")
        with tempfile.TemporaryDirectory(prefix="data-collector-dist-") as folder:
            program = trial.installed(release, Path(folder))
            print(trial.tried(program, program.parents[2]), end="")
            trial.for_aarch64((REPOSITORY / "requirements.txt").resolve(), Path(folder))
    except Unbuilt as error:
        print(error, file=sys.stderr)
        return 1
    print(f"all locked wheels are there for aarch64 with Python {' and '.join(trial.PYTHONS)}")
    print(release.sums.read_text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
