"""A folder as a clone is, in which a test adds and removes sources by the command line."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.loopback import free_port
from telegraf_plugin.cli import main
from telegraf_plugin.config import Config
from telegraf_plugin.config.load import load
from telegraf_plugin.config.settings import settings
from telegraf_plugin.lint import TelegrafConf, read
from tests.unit.test_lint import ROOT, SECRET, SETTINGS

POD_31 = ("POD-31", "--url", "http://192.168.199.31:8086", "--org", "default")
NAMES = (".env", "telegraf.conf", "config/queries.yaml", "docker-compose.secrets.yaml")


@dataclass
class Clone:
    """The current folder, with the shipped files and a `.env` that is filled in."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> str:
        """Run `data-collector`, which must do it; return what it prints."""
        status, out, err = self.ended(words)
        assert (status, err) == (0, ""), out + err
        return out

    def refused(self, *words: str) -> str:
        """Run `data-collector`, which must refuse; return what it says. No file is changed."""
        before = self.texts()
        status, out, err = self.ended(words)
        assert (status, out) == (2, "")
        assert self.texts() == before
        assert self.backups() == []
        return err

    def ended(self, words: Sequence[str]) -> tuple[object, str, str]:
        try:
            status: object = main(words)
        except SystemExit as ended:
            status = ended.code
        out, err = self.capsys.readouterr()
        assert SECRET not in out + err
        return status, out, err

    def texts(self) -> dict[str, str]:
        files = {name: self.folder / name for name in NAMES}
        return {name: file.read_bytes().decode() for name, file in files.items() if file.exists()}

    def backups(self) -> list[str]:
        return sorted(str(file.relative_to(self.folder)) for file in self.folder.rglob("*.bak"))

    def edit(self, name: str, before: str, after: str) -> None:
        file = self.folder / name
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def config(self) -> Config:
        return load(Path("config/queries.yaml"), settings({}).environment, tokens=False)

    def conf(self) -> TelegrafConf:
        return read(Path("telegraf.conf"), settings({}).environment)

    def clean(self) -> bool:
        """Whether `check` has nothing to say."""
        return self.run("check") == "nothing to change in config/queries.yaml with telegraf.conf\n"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clone:
    folder = tmp_path / "clone"
    shutil.copytree(ROOT / "config", folder / "config")
    for name in ("telegraf.conf", "docker-compose.secrets.yaml"):
        shutil.copy(ROOT / name, folder / name)
    example = (ROOT / ".env.example").read_text().replace("_TOKEN=\n", f"_TOKEN={SECRET}\n")
    (folder / ".env").write_text(example.replace("PORT=5000", f"PORT={free_port()}"))
    (folder / ".env").chmod(0o600)
    for name in (*SETTINGS, "COLLECTOR_ENV_FILE", "COLLECTOR_QUERIES", "COLLECTOR_SECRETS", "HEALTH_MAX_SILENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    return Clone(folder, capsys)
