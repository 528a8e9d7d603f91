"""`make dist`: the same to the byte each time, whole, and it works in an empty environment.

Whether the locked wheels are there for aarch64 is looked up by `make dist` itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from lab.engines import REPOSITORY
from lab.release import trial
from lab.release.archive import entries
from lab.release.build import Release, Unbuilt, build, committed
from telegraf_plugin import __version__


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return build(REPOSITORY, tmp_path_factory.mktemp("dist"))


def test_what_is_built_twice_is_the_same_to_the_byte(release: Release, tmp_path: Path) -> None:
    again = build(REPOSITORY, tmp_path)
    assert again.sums.read_text() == release.sums.read_text()
    names = [line.split("  ")[1] for line in release.sums.read_text().splitlines()]
    assert names == sorted(file.name for file in (release.wheel, release.source, release.bill, release.archive))
    assert all(__version__ in name for name in names)
    subprocess.run(["sha256sum", "--check", "--strict", release.sums.name], cwd=tmp_path, check=True, timeout=60)


def test_the_wheel_says_its_version_and_where_to_read_on(release: Release) -> None:
    with zipfile.ZipFile(release.wheel) as wheel:
        said = wheel.read(f"data_collector-{__version__}.dist-info/METADATA").decode().splitlines()
    assert f"Version: {__version__}" in said
    addresses = [line.rpartition(", ")[2] for line in said if line.startswith("Project-URL: ")]
    assert len(addresses) > 1
    assert all(address.startswith("https://") for address in addresses)


def test_the_bill_of_materials_names_what_is_locked_with_its_hashes(release: Release) -> None:
    bill = json.loads(release.bill.read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", __version__)
    locked = re.findall(r"^([a-z0-9-]+)==(\S+)", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE)
    assert len(locked) > 10
    assert sorted((each["name"], each["version"]) for each in bill["components"]) == sorted(locked)
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])


def test_nothing_of_this_machine_is_in_the_archive(release: Release) -> None:
    """Nor is what a clone has and its repository not: logs, settings with tokens."""
    with tarfile.open(release.archive) as tar:
        found = tar.getmembers()
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in found} == {(0, 0, "", "")}
    assert {entry.mode for entry in found} == {0o644, 0o755}
    (folder,) = {entry.name.split("/")[0] for entry in found}
    names = {entry.name.removeprefix(f"{folder}/") for entry in found}
    assert ".env" not in names
    assert {name for name in names if name.startswith("logs/")} == {"logs/.gitkeep"}
    assert not [name for name in names if "__pycache__" in name]
    assert {"config/inside-telegraf.conf", "docker-compose.yaml", "docs/telegraf.md", "sbom.cdx.json"} <= names


def test_a_clone_with_a_sites_own_files_is_no_release(tmp_path: Path) -> None:
    committed(tmp_path)  # no clone: a release's archive, say
    file = tmp_path / "queries.yaml"
    file.write_text("as shipped")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "Begin"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, timeout=60)
    committed(tmp_path)
    file.write_text("with a third site")
    with pytest.raises(Unbuilt, match=r"not committed: queries\.yaml; "):
        committed(tmp_path)


def test_what_the_documents_in_the_archive_lead_to_is_in_it_too() -> None:
    found = entries(REPOSITORY)
    there = {*found, *(str(folder) for name in found for folder in PurePosixPath(name).parents)}
    broken = []
    for name, (content, _) in found.items():
        links = re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", content.decode()) if name.endswith(".md") else []
        for link in (each for each in links if not each.startswith("https://")):
            if os.path.normpath(PurePosixPath(name).parent / link) not in there:
                broken.append((name, link))
    assert broken == []


def test_what_is_installed_as_the_document_says_works_in_an_empty_environment(release: Release, tmp_path: Path) -> None:
    typed = re.findall(r"```sh\n(tar .*?)```", (REPOSITORY / "docs" / "telegraf.md").read_text(), re.DOTALL)[0]
    typed = re.sub(r"(?<![\w/])/(etc|opt)/", rf"{tmp_path}/\1/", typed)
    (tmp_path / "etc" / "telegraf" / "telegraf.d").mkdir(parents=True)
    shutil.copy(release.archive, tmp_path)
    subprocess.run(["sh", "-euc", typed], cwd=tmp_path, check=True, timeout=240)
    assert (tmp_path / "etc/telegraf/telegraf.d/data-collector.conf").is_file()
    place = tmp_path / f"data-collector-{__version__}"
    version, *told = trial.tried(tmp_path / "opt/data-collector/bin/data-collector", place).splitlines()
    assert version == f"data-collector {__version__}"
    assert told[0] == "nothing to change in config/queries.yaml with telegraf.conf"
    # What was tampered with is not installed.
    with release.wheel.open("rb") as wheel:
        (place / release.wheel.name).write_bytes(wheel.read() + b" ")
    command = [
        f"{tmp_path}/opt/data-collector/bin/pip",
        "install",
        "--quiet",
        "--no-deps",
        "--force-reinstall",
        "--require-hashes",
    ]
    refused = subprocess.run(
        [*command, "-r", "install.txt"], cwd=place, capture_output=True, text=True, check=False, timeout=120
    )
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr
