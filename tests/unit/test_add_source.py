"""`add-source`: what it shows it writes; then `check` has nothing to say, and `remove-source` takes it all back."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.unit.site_bench import NAMES, POD_31, Clone, clone
from tests.unit.test_lint import ROOT

__all__ = ["clone"]

TOKEN = "a-token-of-the-new-site"
CASES = {
    "a bucket of a new name": ("--bucket", "cooling"),
    "two of them": ("--bucket", "cooling", "--bucket", "heating", "--template", "pods"),
    "a bucket that is called as another's": ("--bucket", "telegraf", "--template", "system_metrics"),
    "to a central bucket that is there": ("--bucket", "cooling", "--central-bucket", "power_monitoring"),
    "to a central bucket that is new": ("--bucket", "cooling", "--central-bucket", "climate"),
    "two to one that is new": ("--bucket", "cooling", "--bucket", "heating", "--central-bucket", "climate"),
    "each to its own": (
        *("--bucket", "cooling", "--bucket", "heating"),
        *("--central-bucket", "climate", "--central-bucket", "telegraf"),
    ),
    "odd names": ("--bucket", "we*ird [1] {a,b} \\ $x ${HOME} 'q' #1", "--start", "2026-01-01"),
    "a name with quotes": ("--bucket", 'the "cold" one', "--start", "earliest"),
    "its own letters": ("--bucket", "cooling", "--variables", "JAKARTA"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_check_has_nothing_to_say_then_and_all_can_be_taken_back(case: str, ending: str, clone: Clone) -> None:
    for name, text in clone.texts().items():
        (clone.folder / name).write_bytes(text.replace("\n", ending).encode())
    before = clone.texts()
    streams = clone.config().streams
    given = clone.folder / "token"
    given.write_text(TOKEN)
    clone.run("add-source", *POD_31, *CASES[case], "--write", "--token", str(given))
    after = clone.texts()
    assert clone.clean()
    for name, text in before.items():  # every line that was there is there, in its place
        lines = iter(after[name].split("\n"))
        kept = [line for line in text.split("\n") if "tagpass" not in line and "source_bucket = [" not in line]
        assert all(line in lines for line in kept), name
        assert after[name].count("\r\n") == (after[name].count("\n") if ending == "\r\n" else 0)
    config = clone.config()
    (source,) = [source for source in config.sources if source.name == "POD-31"]
    assert [stream.bucket for stream in source.streams] == [
        word for option, word in zip(CASES[case], CASES[case][1:], strict=False) if option == "--bucket"
    ]
    if "telegraf" not in CASES[case]:
        assert config.streams[: len(streams)] == streams
    clone.run("remove-source", "POD-31", "--write")
    assert clone.clean()
    if case != "a bucket that is called as another's":  # the tag `source` stays: to take it away begins new series
        assert clone.texts() == before
    else:
        assert {name for name, text in clone.texts().items() if text != before[name]} == {"config/queries.yaml"}


def test_what_is_shown_is_what_is_written(clone: Clone) -> None:
    words = ("add-source", *POD_31, "--bucket", "cooling")
    before = clone.texts()
    shown = clone.run(*words)
    assert "nothing was written: the same with --write does it" in shown
    assert clone.texts() == before
    assert clone.backups() == []
    done = clone.run(*words, "--write")
    assert re.sub(r"\nwritten; what was there before: .*", "", done).replace("\n\n\nwhat", "\n\nwhat") == shown.replace(
        "\nnothing was written: the same with --write does it\n", ""
    )
    added = {line[1:] for line in shown.splitlines() if line.startswith("+") and not line.startswith("+++")}
    after = clone.texts()
    new = {line for name in NAMES for line in after[name].split("\n") if line not in before[name].split("\n")}
    assert new <= added
    assert "-" not in {line[:1] for line in shown.split("nothing was written")[0].splitlines() if line[:4] != "--- "}


def test_a_backup_stands_beside_each_file_with_its_rights(clone: Clone) -> None:
    before = clone.texts()
    done = clone.run("add-source", *POD_31, "--bucket", "cooling", "--write")
    backups = clone.backups()
    assert [re.sub(r"\.\d{8}T\d{6}Z\.bak$", "", name) for name in backups] == sorted(set(NAMES[:3]))
    assert all(f"what was there before: {name}" in done for name in backups)
    for name in backups:
        original = re.sub(r"\.\d{8}T\d{6}Z\.bak$", "", name)
        assert (clone.folder / name).read_bytes().decode() == before[original]
        rights = [(clone.folder / each).stat().st_mode for each in (name, original)]
        assert rights[0] == rights[1]
    assert (clone.folder / ".env").stat().st_mode & 0o777 == 0o600


def test_what_is_left_to_do_is_said_for_buckets_that_central_has_not(clone: Clone) -> None:
    new = clone.run("add-source", *POD_31, "--bucket", "cooling", "--central-bucket", "climate")
    assert "influx bucket create --name=climate --retention=0\n" in new
    assert "bucket_1=$(influx bucket list --name=cooling --hide-headers | cut -f 1)" in new
    known = clone.run("add-source", *POD_31, "--bucket", "cooling", "--central-bucket", "power_monitoring")
    assert "influx bucket create" not in known
    assert "At central" not in known
    assert "data-collector preview POD-31/cooling" in known


def test_streams_that_get_another_tag_are_named(clone: Clone) -> None:
    done = clone.run("add-source", *POD_31, "--bucket", "telegraf", "--template", "system_metrics", "--write")
    assert "Mind that POD-8/telegraf gets the tag source too" in done
    tags = {stream.label: [tag.value for tag in stream.metadata_tags] for stream in clone.config().streams}
    assert tags["POD-8/telegraf"] == tags["POD-31/telegraf"] == ["host", "source_bucket", "field", "source"]
    assert "source" not in tags["POD-30/pod_monitoring"]
    clone.run("add-source", "POD-32", *POD_31[1:], "--bucket", "telegraf", "--write")  # now none is changed
    assert "Mind" not in clone.run("add-source", "POD-33", *POD_31[1:], "--bucket", "telegraf")


def test_a_new_output_has_its_neighbours_settings(clone: Clone) -> None:
    for name in ("telegraf.conf", ".env"):
        clone.edit(
            name, "http://192.0" if name == ".env" else "## Power.", "https://192.0" if name == ".env" else "## P."
        )
    tls = '  timeout = "30s"\n  tls_server_name = "influx.example.org"\n  [outputs.influxdb_v2.http_headers]\n'
    tls += '    "X-Site" = "a \\"b\\""\n'
    clone.edit("telegraf.conf", '  timeout = "30s"\n', "")
    clone.edit("telegraf.conf", "  [outputs.influxdb_v2.tagpass]\n", f"{tls}  [outputs.influxdb_v2.tagpass]\n")
    clone.run("add-source", *POD_31, "--bucket", "cooling", "--write")
    cooling = next(output for output in clone.conf().outputs if output.text("alias") == "cooling")
    assert cooling.text("tls_server_name") == "influx.example.org"
    assert dict(cooling.table("http_headers").settings) == {"X-Site": 'a "b"'}
    assert cooling.text("bucket") == "cooling"


def test_the_next_letter_is_free_everywhere(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_C_NOTE", "of the shell")
    clone.edit("telegraf.conf", "## Power.", '[global_tags]\n  x = "${SERVER_D_X:-}"\n')
    assert "SERVER_E_URL=" in clone.run("add-source", *POD_31, "--bucket", "cooling")
    told = clone.refused("add-source", *POD_31, "--bucket", "cooling", "--variables", "SERVER_C")
    assert "the variable SERVER_C_NOTE is there already; give another beginning: --variables" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("POD-8", *POD_31[1:], "--bucket", "b"), "a source is called 'POD-8' already; data-collector remove-source"),
        (("a/b", *POD_31[1:], "--bucket", "b"), "SOURCE: 'a/b': expected a name without a slash"),
        (("P", "--url", "ftp://x", "--org", "o", "--bucket", "b"), "--url: 'ftp://x': expected http://host:port or"),
        ((*POD_31, "--bucket", ""), "--bucket: '': expected text"),
        ((*POD_31, "--bucket", "b", "--bucket", "b"), "the bucket b is named twice"),
        ((*POD_31, "--bucket", "b", "--template", "sytem_metrics"), "did you mean system_metrics?"),
        ((*POD_31, "--bucket", "b", "--start", "soon"), "streams[0].start: expected how long ago"),
        ((*POD_31, "--bucket", "b", "--variables", "server_c"), "expected capital letters, digits and _"),
        (
            (*POD_31, "--bucket", "b", "--central-bucket", "c", "--central-bucket", "d"),
            "--central-bucket is said 2 times",
        ),
        (
            (*POD_31, "--bucket", "telegraf", "--central-bucket", "other"),
            "takes every source bucket called telegraf to central's telegraf (outputs.influxdb_v2[system]): "
            "--central-bucket telegraf, or leave it out",
        ),
        ((*POD_31, "--bucket", "b", "--token", "nowhere", "--write"), "the token file nowhere cannot be read"),
        ((*POD_31, "--bucket", "metrics"), "central's bucket metrics is for the collector's own metrics"),
    ],
)
def test_what_cannot_be_added_is_refused_with_what_to_say(words: tuple[str, ...], told: str, clone: Clone) -> None:
    assert told in " ".join(clone.refused("add-source", *words).split())


STREAMS = """\
    streams:
      - bucket: "${SERVER_B_BUCKET}"
        template: pods
      - bucket: "${SERVER_B_BUCKET_2}"
        template: power
"""
TAGPASS = "  [outputs.influxdb_v2.tagpass]\n    source_bucket ="
FORMS = {
    "streams by an alias": (
        *(
            "config/queries.yaml",
            STREAMS,
            "    streams: &s [{bucket: x}]\n  - {name: X, url: http://x, org: o, streams: *s}\n",
        ),
        "queries.yaml",
    ),
    "a list that is dotted": (
        "telegraf.conf",
        TAGPASS,
        "  tagpass.source_bucket =",
        "telegraf.conf has no list source_",
    ),
    "sources in brackets": ("config/queries.yaml", "sources:\n", "sources: []\nothers:\n", "others: is not a key"),
    "a key that nobody knows": ("config/queries.yaml", "org: ", "orgg: ", "orgg: is not a key that is known here"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_is_not_edited_is_left_alone(form: str, clone: Clone) -> None:
    name, before, after, told = FORMS[form]
    clone.edit(name, before, after)
    words = ("add-source", *POD_31, "--bucket", "cooling", "--central-bucket", "telegraf")
    assert told in clone.refused(*words, "--write")


def over_kafka(clone: Clone) -> None:
    """Make the clone a site whose lines go over Kafka, as docs/kafka.md does."""
    (clone.folder / "telegraf.conf").write_text((ROOT / "deploy" / "kafka" / "site.conf").read_text())
    with (clone.folder / ".env").open("a") as settings:
        settings.write("KAFKA_BROKER=kafka:9092\n")
    assert clone.clean()


def test_over_kafka_the_output_of_a_new_bucket_is_left_to_the_operator(clone: Clone) -> None:
    over_kafka(clone)
    told = " ".join(clone.refused("add-source", *POD_31, "--bucket", "cooling").split())
    assert "telegraf.conf sends lines over Kafka, and an output that takes cooling comes first (docs/kafka.md)" in told


def test_over_kafka_a_bucket_that_an_output_takes_is_added_and_taken_back(clone: Clone) -> None:
    over_kafka(clone)
    before = clone.texts()
    given = clone.folder / "token"
    given.write_text(TOKEN)
    clone.run("add-source", *POD_31, "--bucket", "telegraf", "--write", "--token", str(given))
    assert clone.clean()
    assert clone.config().streams[-1].central_bucket == "telegraf"
    assert clone.texts()["telegraf.conf"] == before["telegraf.conf"]
    clone.run("remove-source", "POD-31", "--write")
    assert clone.clean()
    assert clone.texts()["telegraf.conf"] == before["telegraf.conf"]


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_file_that_may_not_be_written_is_found_before_any_is(
    name: str, clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = os.access  # root may write everything: what the system says to another user is played
    monkeypatch.setattr("os.access", lambda path, mode: may(path, mode) and not (mode == os.W_OK and str(path) == name))
    status, out, err = clone.ended(["add-source", *POD_31, "--bucket", "cooling", "--write"])
    assert status == 2
    assert f"{name} and its folder cannot be written by user {os.getuid()}: run it where the files are" in err
    assert "written; what was there before" not in out
    assert clone.backups() == []


def test_a_link_stays_one(clone: Clone) -> None:
    real = clone.folder / "real.yaml"
    file = clone.folder / "config" / "queries.yaml"
    real.write_bytes(file.read_bytes())
    real.chmod(0o640)
    file.unlink()
    file.symlink_to(real)
    clone.run("add-source", *POD_31, "--bucket", "cooling", "--write")
    assert file.is_symlink()
    assert "POD-31" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_other_files_may_be_named(clone: Clone) -> None:
    for name in ("telegraf.conf", "config/queries.yaml", ".env"):
        (clone.folder / name).rename(clone.folder / f"my-{Path(name).name.lstrip('.')}")
    words = ("--config", "my-queries.yaml", "--telegraf-config", "my-telegraf.conf", "--env-file", "my-env")
    done = clone.run("add-source", *POD_31, "--bucket", "cooling", "--write", *words)
    assert "data-collector doctor --config my-queries.yaml POD-31" in done
    assert "SERVER_C_URL" in (clone.folder / "my-env").read_text()
    assert "cooling" in (clone.folder / "my-telegraf.conf").read_text()
