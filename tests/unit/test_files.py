"""A file that others wrote has an end: a device, a pipe or a sparse file is refused by name, and not read."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from telegraf_plugin.config import Credential
from telegraf_plugin.config.yaml_file import MAX_BYTES, read_yaml
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.files import UnfitFile, read_bounded
from telegraf_plugin.lint import telegraf_conf
from telegraf_plugin.transport.tls import MAX_FILE_BYTES, Tls

DEVICE = "is no regular file: a device or a pipe may have no end"


def sparse(path: Path, size: int = 2 * 2**30) -> Path:
    with path.open("wb") as stream:
        stream.truncate(size)
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


ODD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "zero": (lambda _: Path("/dev/zero"), DEVICE),
    "pipe": (pipe, DEVICE),
    "sparse": (sparse, "is larger than "),
}


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    make, message = ODD[request.param]
    return make(tmp_path / "odd"), message


def test_what_has_no_end_is_not_read(odd: tuple[Path, str]) -> None:
    before = peak_kib()
    with pytest.raises(UnfitFile, match=odd[1]):
        read_bounded(odd[0], 1000)
    assert peak_kib() - before < 10_000


def test_what_fits_is_read_to_the_byte(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 1000)
    assert read_bounded(file, 1000) == b"x" * 1000
    with pytest.raises(UnfitFile, match="is larger than 999 bytes"):
        read_bounded(file, 999)
    file.write_bytes(b"")
    assert read_bounded(file, 0) == b""


def test_one_that_says_nothing_of_its_size_has_the_same_end() -> None:
    assert read_bounded(Path("/proc/self/maps"), 2**24)
    with pytest.raises(UnfitFile, match="is larger than 10 bytes"):
        read_bounded(Path("/proc/self/maps"), 10)


def test_a_folder_and_nothing_at_all_are_the_systems_errors(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path, 10)
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "none", 10)


def test_a_queries_yaml_that_has_no_end_is_a_problem_of_one_line(odd: tuple[Path, str]) -> None:
    before = peak_kib()
    with pytest.raises(ConfigurationError) as refused:
        read_yaml(odd[0])
    assert [problem.message for problem in refused.value.problems] == [
        odd[1] + (f"{MAX_BYTES:,} bytes" if odd[1] != DEVICE else "")
    ]
    assert peak_kib() - before < 10_000


def test_a_telegraf_conf_that_has_no_end_is_one_too(odd: tuple[Path, str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        telegraf_conf.read(odd[0], {})
    assert [problem.message.startswith(odd[1]) for problem in refused.value.problems] == [True]


def test_a_token_file_that_has_no_end_is_refused(odd: tuple[Path, str]) -> None:
    with pytest.raises(ValueError, match=f"the token file {odd[0]} {odd[1]}"):
        Credential(file=odd[0]).read()


@pytest.mark.parametrize("key", ["ca", "cert"])
def test_a_certificate_that_has_no_end_is_refused(key: str, odd: tuple[Path, str]) -> None:
    said = dict((Tls(ca=odd[0]) if key == "ca" else Tls(cert=odd[0])).problems())[f"tls_{key}"]
    ends = "is not there, or is no file" if odd[1] == DEVICE else f"is larger than {MAX_FILE_BYTES:,} bytes"
    assert said == f"the file {odd[0]} {ends}"
