"""`remove-source`: a source goes with all that nothing else needs, and with nothing that something else does."""

from __future__ import annotations

import pytest

from telegraf_plugin.config.settings import settings
from tests.unit.site_bench import POD_31, Clone, clone

__all__ = ["clone"]


@pytest.mark.parametrize(
    ("source", "outputs", "variables"),
    [
        ("POD-8", {"pods", "power", "metrics"}, {"SERVER_A_URL", "SERVER_A_ORG", "SERVER_A_TOKEN", "SERVER_A_BUCKET"}),
        (
            "POD-30",
            {"system", "metrics"},
            {f"SERVER_B_{name}" for name in ("URL", "ORG", "TOKEN", "BUCKET", "BUCKET_2")},
        ),
    ],
)
def test_a_shipped_source_goes_with_its_outputs_and_variables(
    source: str, outputs: set[str], variables: set[str], clone: Clone
) -> None:
    before = settings({}).environment
    clone.run("remove-source", source, "--write")
    assert clone.clean()
    assert source not in [each.name for each in clone.config().sources]
    assert {output.text("alias") for output in clone.conf().outputs_named("influxdb_v2")} == outputs
    assert set(before) - set(settings({}).environment) == variables
    assert f"# Source {source}" not in (clone.folder / ".env").read_text()


def test_it_is_shown_first(clone: Clone) -> None:
    before = clone.texts()
    shown = clone.run("remove-source", "POD-8")
    assert clone.texts() == before
    assert "-  - name: POD-8\n" in shown
    assert "-SERVER_A_TOKEN=[token]\n" in shown
    assert '-  alias = "system"\n' in shown
    assert "nothing was written: the same with --write does it" in shown
    assert "Delete its token at http://192.168.199.8:8086" in shown


def test_what_others_share_stays(clone: Clone) -> None:
    """The output of a bucket that another source has too, and a variable that another block uses."""
    clone.run("add-source", *POD_31, "--bucket", "telegraf", "--template", "system_metrics", "--write")
    clone.edit("config/queries.yaml", 'org: "${SERVER_C_ORG}"', 'org: "${SERVER_A_ORG}"')
    clone.run("remove-source", "POD-8", "--write")
    conf = clone.conf()
    assert "system" in {output.text("alias") for output in conf.outputs_named("influxdb_v2")}
    names = set(settings({}).environment)
    assert {"SERVER_A_ORG", "SERVER_A_BUCKET"} <= names  # the output goes by it
    assert not {"SERVER_A_URL", "SERVER_A_TOKEN"} & names


def test_a_tag_that_stays_with_others_is_told(clone: Clone) -> None:
    words = ("--bucket", "telegraf", "--template", "system_metrics", "--write")
    clone.run("add-source", *POD_31, *words)
    clone.run("add-source", "POD-32", *POD_31[1:], *words)
    assert "the tag source" not in clone.run("remove-source", "POD-32", "--write")  # two are left
    told = clone.run("remove-source", "POD-31")
    assert "Mind that POD-8/telegraf keeps the tag source, which told points apart from those of POD-31." in told
    assert "the tag source" not in clone.run("remove-source", "POD-30")


def test_of_an_output_for_several_buckets_one_goes(clone: Clone) -> None:
    words = ("--bucket", "cooling", "--bucket", "heating", "--central-bucket", "power_monitoring")
    clone.run("add-source", *POD_31, *words, "--write")
    clone.run("add-source", "POD-32", *POD_31[1:], "--bucket", "heating", "--write")
    clone.run("remove-source", "POD-31", "--write")
    power = next(output for output in clone.conf().outputs if output.text("alias") == "power")
    assert power.table("tagpass").texts("source_bucket") == ("power_monitoring", "heating")


def test_an_output_by_a_pattern_stays(clone: Clone) -> None:
    clone.edit("telegraf.conf", 'source_bucket = ["${SERVER_A_BUCKET}"]', 'source_bucket = ["tele*"]')
    clone.run("remove-source", "POD-8", "--write")
    assert "system" in {output.text("alias") for output in clone.conf().outputs_named("influxdb_v2")}


def test_a_source_that_is_not_there_and_the_only_one_are_refused(clone: Clone) -> None:
    assert "no source is called 'pod-30'; did you mean POD-30?" in clone.refused("remove-source", "pod-30")
    clone.run("remove-source", "POD-8", "--write")
    for backup in clone.folder.rglob("*.bak"):
        backup.unlink()
    told = clone.refused("remove-source", "POD-30", "--write")
    assert "POD-30 is the only source, and a collector without one has nothing to do: stop it instead" in told


def test_without_a_dotenv_its_variables_are_said(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings({}).environment.items():
        monkeypatch.setenv(name, value)
    (clone.folder / ".env").unlink()
    shown = clone.run("remove-source", "POD-8")
    expected = "SERVER_A_BUCKET, SERVER_A_ORG, SERVER_A_TOKEN, SERVER_A_URL"
    assert f"Take out of the collector's settings: {expected}" in shown
