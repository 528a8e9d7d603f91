"""`Site`: docs/kubernetes.md, typed: a clone in which its commands are run, as far as they need no cluster.

`kubectl kustomize` is kustomize's own build. What goes to a cluster is kept: `Site.applied`, `Site.secret`.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.engines import ENGINES, REPOSITORY
from tests.kubernetes.rendered import PLACE, Document, copied, documents

DOCUMENT = REPOSITORY / "docs" / "kubernetes.md"
_KUBECTL = """\
#!{python}
import base64, os, pathlib, sys
import yaml

words, kept = sys.argv[1:], pathlib.Path({kept!r})
options = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
if words[0] == "kustomize":
    os.execv({kustomize!r}, ["kustomize", "build", *words[1:]])
elif "secret" in words:
    files = pathlib.Path(options["--from-file"]).iterdir()
    data = {{file.name: base64.b64encode(file.read_bytes()).decode() for file in files}}
    name = words[words.index("generic") + 1]
    text = yaml.safe_dump({{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": name}}, "data": data}})
    sys.stdout.write(text) if "--dry-run" in options else (kept / "secret.yaml").write_text(text)
elif words[0] == "apply":
    text = sys.stdin.read()
    (kept / ("secret.yaml" if "kind: Secret" in text else "applied.yaml")).write_text(text)
else:
    with (kept / "asked").open("a") as asked:
        asked.write(" ".join(words) + "\\n")
"""
_NOTHING = "#!/bin/sh\n"


def typed(heading: str) -> list[str]:
    """The blocks of commands under a heading of docs/kubernetes.md."""
    section = DOCUMENT.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [
        re.sub("^    ", "", block, flags=re.MULTILINE) for block in re.findall(r"(?:\A|\n)\n((?:    .*\n)+)", section)
    ]


class Site:
    """A clone in `folder`, from nothing to what was applied; `settings` are edited into settings.env.

    `tokens` are those of the document's three servers, as files are called.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        self._kept = folder / "cluster"
        self._programs = folder / "programs"
        self.clone = folder / "data-collector"
        for place in (self._kept, self._programs, self.clone):
            place.mkdir(parents=True)
        kubectl = _KUBECTL.format(python=sys.executable, kept=str(self._kept), kustomize=str(ENGINES / "kustomize"))
        for name, text in {"kubectl": kubectl, "docker": _NOTHING, "git": _NOTHING, "make": _NOTHING}.items():
            (self._programs / name).write_text(text)
            (self._programs / name).chmod(0o755)
        copied(self.clone)
        (self.clone / "config" / "secrets.conf").write_text((REPOSITORY / "config" / "secrets.conf").read_text())
        (self.clone / ".venv").symlink_to(REPOSITORY / ".venv")
        first, self._apply = typed("From an empty folder")
        order = ("central_token", "server_a_token", "server_b_token")
        self._type(first, folder, "".join(f"{tokens[name]}\n" for name in order))
        file = self.clone / PLACE / "base" / "settings.env"
        text = file.read_text()
        for name, value in settings.items():
            text, found = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert found == 1, name
        file.write_text(text)

    def apply(self) -> None:
        """Check and apply, as the document's first section ends."""
        self._type(self._apply)

    def add_source(self, name: str, url: str, org: str, token: str, central_token: str) -> None:
        """Add the document's source, at another place; `central_token` covers its bucket, too."""
        (self.clone / "secrets" / "central_token").write_text(central_token)
        [block] = typed("Change the configuration")
        here = block.replace("http://192.168.199.31:8086", url).replace("--org default", f"--org {org}")
        assert f"add-source {name} " in here
        self._type(here, said=token)

    def grow(self) -> None:
        """From two shards to three."""
        [block] = typed("From two shards to three")
        self._type(block)

    def applied(self) -> list[Document]:
        """What the cluster was given last."""
        return documents((self._kept / "applied.yaml").read_text())

    def secret(self) -> Document:
        """The Secret that it was given last."""
        [found] = documents((self._kept / "secret.yaml").read_text())
        return found

    def tokens(self) -> list[str]:
        """The texts in the Secret."""
        return [base64.b64decode(text).decode() for text in self.secret()["data"].values()]

    def asked(self) -> list[str]:
        """What else kubectl was called with."""
        return (self._kept / "asked").read_text().splitlines()

    def _type(self, commands: str, folder: Path | None = None, said: str = "") -> None:
        text = commands.replace("<this repository>", "here")
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=folder or self.clone,
            env={"PATH": f"{self._programs}:{ENGINES}:/usr/bin:/bin"},
            input=said,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, f"{commands}\n{run.stdout}{run.stderr}"
