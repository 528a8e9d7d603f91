"""The examples of docs/operations.md, run beside a running collector; and its blocks for a new site.

Those with `--write` are `test_add_source`'s, but for that they run: in a folder of their own, one after the other.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.engines import REPOSITORY
from lab.loopback import free_port, wait_until
from lab.site import Site
from lab.telegraf import TelegrafProcess, work_folder
from telegraf_plugin.cli import _COMMANDS
from telegraf_plugin.config.load import load
from tests.engines.operator_site import PROGRAM
from tests.unit.test_lint import SETTINGS

DOCUMENT = (REPOSITORY / "docs" / "operations.md").read_text()
EXAMPLES = [line.strip() for line in DOCUMENT.splitlines() if re.match(r" {4,}data-collector ", line)]
SITES = [example for example in EXAMPLES if re.search(r"(?:add|remove)-source", example)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the shipped files and the environment of a site whose collector runs."""
    with Site() as site:
        folder = work_folder(tmp_path_factory.mktemp("operations") / "work")
        env = site.environment(1, free_port())
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        # The site that the document adds, here another bucket of POD-30, in a file of its own.
        site.pod_30.create_bucket("cooling")
        token = site.pod_30.token_for(read=["cooling"])
        env |= {"SERVER_C_URL": site.pod_30.url, "SERVER_C_ORG": site.pod_30.org, "SERVER_C_TOKEN": token}
        env["SERVER_C_BUCKET"] = "cooling"
        added = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)[0]
        shipped = (folder / "config" / "queries.yaml").read_text()
        (folder / "with-site.yaml").write_text(f"{shipped}\n{added}")
        with TelegrafProcess(folder / "telegraf.conf", env, folder):
            look = [str(PROGRAM), "status"]

            def well() -> bool:
                return subprocess.run(look, env=env, cwd=folder, capture_output=True, check=False).returncode == 0

            wait_until(well, "a good status", 60, every_s=1)
            yield folder, env


def test_there_is_an_example_of_each_command() -> None:
    shown = {shlex.split(example, comments=True)[1] for example in EXAMPLES}
    assert shown == set(_COMMANDS) - {"start", "completion", "permissions"}


def test_the_examples_run(place: tuple[Path, dict[str, str]]) -> None:
    folder, env = place
    for example in EXAMPLES:
        if example in SITES:
            continue
        words = shlex.split(example, comments=True)
        words[0] = str(PROGRAM)
        if "--watch" in words:  # it has no end of its own
            with subprocess.Popen(words, env=env, cwd=folder, stdout=subprocess.PIPE, text=True) as watching:
                assert watching.stdout is not None
                assert watching.stdout.readline()
                watching.terminate()
            continue
        if words[1] == "backfill" and not {"--cancel", "--dry-run"} & set(words):
            words.append("--no-wait")  # its end is `test_commands_running`'s
        if "POD-31/cooling" in words:
            words += ["--config", "with-site.yaml"]
        ended = subprocess.run(words, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
        # With a tick a second a busy machine may be late for a moment; and what has just begun is too young to verify.
        young = words[1] == "verify" and re.search(r'nothing to compare|"equal": null', ended.stdout) is not None
        assert words[1] in ("status", "report") or young or ended.returncode == 0, (
            f"{example}\n{ended.stdout}{ended.stderr}"
        )
        assert young or ended.returncode in (0, 1), f"{example}\n{ended.stdout}{ended.stderr}"


def test_the_examples_of_a_new_site_leave_the_files_as_they_were(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    shutil.copy(REPOSITORY / "telegraf.conf", tmp_path)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
    names = ("config/queries.yaml", "telegraf.conf", ".env")
    before = [(tmp_path / name).read_text() for name in names]
    assert len(SITES) == 4
    for example in SITES:
        words = [str(PROGRAM), *shlex.split(example)[1:]]
        env = {"PATH": os.environ["PATH"]}
        ended = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, ""), example
        if example == SITES[1]:
            after = [(tmp_path / name).read_text() for name in names]
            by_hand = DOCUMENT.split("### Add a site by hand")[1]
            output = re.findall(r"(?m)^    \[\[outputs.*\n(?:^      .*\n)+", by_hand)[0]
            block, variables = (re.findall(rf"```{form}\n(.*?)```", by_hand, re.DOTALL)[0] for form in ("yaml", "sh"))
            assert block in after[0]
            assert textwrap.dedent(output) in after[1]
            assert variables.replace("<token>", "") in after[2]
    assert [(tmp_path / name).read_text() for name in names] == before


def test_the_block_for_a_new_site_is_taken(tmp_path: Path) -> None:
    blocks = dict(re.findall(r"```(yaml|sh)\n(.*?)```", DOCUMENT, re.DOTALL))
    added = dict(line.split("=", 1) for line in blocks["sh"].splitlines())
    assert len(added) == 4
    file = tmp_path / "queries.yaml"
    file.write_text((REPOSITORY / "config" / "queries.yaml").read_text() + "\n" + blocks["yaml"])
    assert [each["name"] for each in yaml.safe_load(file.read_text())["sources"]] == ["POD-8", "POD-30", "POD-31"]
    config = load(file, SETTINGS | added | {"SERVER_C_TOKEN": "a-token-of-a-test"})
    assert config.sources[-1].streams[0].label == "POD-31/cooling"
