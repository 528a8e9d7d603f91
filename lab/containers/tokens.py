"""`python -m lab.containers.tokens USER`: an operator token and a password for each server, made on the spot.

Runs as root, once, before the servers; hands the folder for the collector's tokens to USER, a number. What is there
already is kept: the servers were set up with it.
"""

from __future__ import annotations

import os
import secrets
import sys

from lab.containers.servers import OPERATORS, ORGS, TOKENS


def main() -> None:
    """Make what is missing."""
    for name in ORGS:
        for kind in ("token", "password"):
            file = OPERATORS / f"{name}.{kind}"
            if not file.exists():
                file.write_text(secrets.token_urlsafe(32))
                # The servers' user differs from image to image; nobody else mounts this folder.
                file.chmod(0o444)
    user = int(sys.argv[1])
    os.chown(TOKENS, user, user)


if __name__ == "__main__":
    main()
