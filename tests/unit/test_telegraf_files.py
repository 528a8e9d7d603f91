"""telegraf.conf with a folder of further files: loaded as Telegraf does, judged as one, findings by file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from telegraf_plugin import lint as lints
from telegraf_plugin import settings
from telegraf_plugin.cli import main
from telegraf_plugin.config.load import load
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.lint import TelegrafConf, beside, lint, read
from telegraf_plugin.lint.renames import in_order
from telegraf_plugin.lint.telegraf_conf import files_in
from tests.unit.test_check import folder  # noqa: F401 (a fixture)
from tests.unit.test_lint import IN_FLIGHT, ROOT, SETTINGS

DROP_IN = ROOT / "config" / "inside-telegraf.conf"
OTHER = """\
[agent]
  interval = "10s"
  collection_jitter = "5s"
  precision = "1s"
  metric_batch_size = 1000
  metric_buffer_limit = 10000
  flush_interval = "10s"
  flush_jitter = "3s"
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.cpu]]
[[inputs.mem]]
[[processors.override]]
  namedrop = ["collector_*"]
  [processors.override.tagdrop]
    source_bucket = ["*"]
  [processors.override.tags]
    host = "web-1"
    dc = "east"
[[outputs.influxdb_v2]]
  urls = ["http://hosts.example.org:8086"]
  token = "token-of-hosts"
  organization = "hosts"
  bucket = "hosts"
  namedrop = ["collector_*"]
  [outputs.influxdb_v2.tagdrop]
    source_bucket = ["*"]
"""
OF_EACH_OUTPUT = {"metric_batch_size", "metric_buffer_limit", "flush_interval", "flush_jitter"}


def files(tmp_path: Path, **texts: str) -> Path:
    """A telegraf.conf with these files in its folder, each named without its ending."""
    for name, text in texts.items():
        place = tmp_path / ("telegraf.conf" if name == "telegraf" else f"telegraf.d/{name}.conf")
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
    return tmp_path / "telegraf.conf"


def loaded(conf: Path) -> TelegrafConf:
    return read(conf, SETTINGS, beside(conf))


def rules(conf: Path) -> list[str]:
    return list(lint(load(ROOT / "config" / "queries.yaml", SETTINGS), loaded(conf), IN_FLIGHT).values())


def test_the_drop_in_beside_another_telegrafs_file_is_clean(tmp_path: Path) -> None:
    assert rules(files(tmp_path, telegraf=OTHER, collector=DROP_IN.read_text())) == []


def test_pasted_at_the_end_of_the_file_it_is_clean_too(tmp_path: Path) -> None:
    assert rules(files(tmp_path, telegraf=OTHER + DROP_IN.read_text())) == []


@pytest.mark.parametrize(
    ("take_away", "instead", "rule"),
    [
        ("  omit_hostname = true\n", "", "host"),
        ("[agent]\n", "[global_tags]\n  dc = 'east'\n[agent]\n", "host"),
        ("  skip_processors_after_aggregators = true\n", "", "aggregators"),
        ('  namedrop = ["collector_*"]\n  [outputs', "  [outputs", "other-outputs"),
        (
            "  [outputs.influxdb_v2.tagdrop]\n    source_bucket",
            "  [outputs.influxdb_v2.tagdrop]\n    x",
            "other-outputs",
        ),
        ("  [processors.override.tagdrop]\n    source_bucket", "  [processors.override.tagdrop]\n    x", "processors"),
        ("[[inputs.cpu]]\n", "[[inputs.cpu]]\n  [inputs.cpu.tags]\n    source_bucket = 'x'\n", "other-inputs"),
    ],
)
def test_each_thing_that_is_asked_of_the_other_file_is_told(
    take_away: str, instead: str, rule: str, tmp_path: Path
) -> None:
    assert take_away in OTHER
    spoilt = OTHER.replace(take_away, instead)
    assert set(rules(files(tmp_path, telegraf=spoilt, collector=DROP_IN.read_text()))) == {rule}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("  metric_buffer_limit = 200000\n", "in-flight"),
        ('  flush_interval = "1s"\n', "flush"),
        ('  flush_jitter = "1ms"\n', "flush"),
        ('  collection_jitter = "0s"\n', "ticks"),
    ],
)
def test_what_the_drop_in_says_for_itself_is_needed(line: str, rule: str, tmp_path: Path) -> None:
    """The other file's agent has what it has for its own sake; `5s` of jitter is much where the interval is 10 s."""
    text = DROP_IN.read_text().replace('interval = "${COLLECTOR_INTERVAL:-60}s"', 'interval = "10s"')
    text = text.replace("HEALTH_MAX_SILENCE:-150s", "HEALTH_MAX_SILENCE:-25s")
    assert line in text
    assert set(rules(files(tmp_path, telegraf=OTHER, collector=text.replace(line, "")))) == {rule}


def outputs(file: Path) -> list[dict[str, Any]]:
    found = tomllib.loads(file.read_text())["outputs"]
    return [output for kind in ("influxdb_v2", "health") for output in found[kind]]


def test_the_drop_ins_outputs_are_those_of_telegraf_conf() -> None:
    """But for what they say in place of the agent, which is what telegraf.conf's agent says (0s counts as not said)."""
    agent = tomllib.loads((ROOT / "telegraf.conf").read_text())["agent"]
    for ours, shipped in zip(outputs(DROP_IN), outputs(ROOT / "telegraf.conf"), strict=True):
        assert {key: value for key, value in ours.items() if key not in OF_EACH_OUTPUT} == shipped
        said = {key: value for key, value in ours.items() if key in OF_EACH_OUTPUT}
        assert said == {key: "1ms" if key == "flush_jitter" else agent[key] for key in said}
    execd = tomllib.loads(DROP_IN.read_text())["inputs"]["execd"][0]
    shipped = tomllib.loads((ROOT / "telegraf.conf").read_text())["inputs"]["execd"][0]
    assert {key: execd[key] for key in shipped if key != "command"} == {
        key: value for key, value in shipped.items() if key != "command"
    }


def test_a_folder_is_walked_as_telegraf_does(tmp_path: Path) -> None:
    for name in ("b.conf", "a.conf", "c.conf.bak", ".conf", "sub/z.conf", "..data/x.conf", "sub.conf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = [str(file.relative_to(tmp_path)) for file in files_in(tmp_path)]
    assert found == ["a.conf", "b.conf", "sub/z.conf", "sub.conf"]


def test_a_later_agent_replaces_what_an_earlier_one_said_but_the_host_that_is_in_stays_in(tmp_path: Path) -> None:
    said = '[agent]\n  interval = "10s"\n  omit_hostname = {}\n'
    late = files(tmp_path, telegraf=said.format("false"), z='[agent]\n  interval = "20s"\n  omit_hostname = true\n')
    agent = loaded(late).agent
    assert (agent.text("interval"), agent.flag("omit_hostname")) == ("20s", False)
    assert loaded(late).file_of("agent.interval") == tmp_path / "telegraf.d" / "z.conf"
    early = files(tmp_path, telegraf=said.format("true"), z='[agent]\n  interval = "20s"\n')
    assert loaded(early).agent.flag("omit_hostname") is True


def test_processors_pass_in_the_order_of_the_files(tmp_path: Path) -> None:
    conf = loaded(files(tmp_path, telegraf="[[processors.regex]]\n[[processors.override]]", a="[[processors.regex]]"))
    assert [plugin.path for plugin in in_order(conf.processors)] == [
        *("processors.regex[0]", "processors.override", "processors.regex[1]"),
    ]


def test_a_file_that_is_no_toml_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        loaded(files(tmp_path, telegraf=OTHER, broken="[agent"))
    assert error.value.file == str(tmp_path / "telegraf.d" / "broken.conf")


@pytest.mark.parametrize("named", [True, False])
def test_check_says_in_which_file_a_finding_is(
    named: bool,
    folder: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "etc" / "telegraf.d").mkdir(parents=True)
    (folder / "etc" / "telegraf.conf").write_text(OTHER.replace("  omit_hostname = true\n", ""))
    spoilt = (
        DROP_IN.read_text().replace("concurrent", "").replace('alias = "power"', 'alias = "power"\n  bucket_tag = "x"')
    )
    (folder / "etc" / "telegraf.d" / "collector.conf").write_text(spoilt)
    words = ["check", "--telegraf-conf", "etc/telegraf.conf"]  # argparse takes the beginning of an option
    if named:
        (folder / "etc" / "telegraf.d").rename(folder / "elsewhere")
        words += ["--telegraf-directory", "elsewhere"]
    assert main(words) == 1
    told = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    place = "elsewhere" if named else "etc/telegraf.d"
    assert told[0].startswith(f"{place}/collector.conf: outputs.influxdb_v2[power].bucket_tag: ")
    assert told[1].startswith("etc/telegraf.conf: agent.omit_hostname: ")


def test_the_plugin_knows_the_renames_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it proves by must be what Telegraf makes of tags, in whichever file that is said."""
    conf = files(tmp_path, telegraf=OTHER, collector=DROP_IN.read_text())
    monkeypatch.setenv("TELEGRAF_CONFIG_PATH", str(conf))
    stream = settings.load(ROOT / "config" / "queries.yaml", {**SETTINGS, "TELEGRAF_CONFIG_PATH": str(conf)}).streams[0]
    assert [rule.replacement for rule in stream.renames] == ["pod_${1}"]
    assert stream.uncomputed == ""
    assert lints.interval_of(loaded(conf)) == 60_000_000_000
