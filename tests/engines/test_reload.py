"""A changed queries.yaml is taken over by the running program: same process, same pipes, no start by Telegraf."""

from __future__ import annotations

from pathlib import Path

import yaml

from lab.loopback import wait_until
from telegraf_plugin.telegraf.writer import unread
from tests.behaviours import endless, good, table
from tests.engines.plugin_process import LEDGER, PluginProcess, queries, read_lines, source
from tests.fakes import FakeSource


def test_a_changed_file_is_taken_over_without_losing_the_pipes(tmp_path: Path) -> None:
    with FakeSource(good(table())) as first, FakeSource(good(table(measurement="other"))) as second:
        document = queries(source("a", first.url))
        with PluginProcess(tmp_path, document).ready() as plugin:
            plugin.tick_until(lambda: [x for x in plugin.data if x.measurement == "power"], "the first source's point")
            pid, printed = plugin.popen.pid, len(plugin.output)
            more = plugin.landing.place(queries(source("a", first.url), source("b", second.url)), {})
            (tmp_path / "queries.yaml").write_text(yaml.safe_dump(more))
            plugin.tick_until(lambda: [x for x in plugin.data if x.measurement == "other"], "the second source's point")
            assert plugin.popen.poll() is None
            assert plugin.popen.pid == pid
            assert len(plugin.output) > printed
            assert len(plugin.logged("the new configuration is taken over")) == 1
            assert len(plugin.logged("^I! collector started")) == 2
            plugin.tick_until(plugin.healthy, "that all is well")
            plugin.end_of_input()
            assert plugin.wait() == 0
            assert plugin.lines  # all of them whole


def test_one_that_cannot_be_used_is_refused_and_the_old_one_goes_on(tmp_path: Path) -> None:
    with FakeSource(good(table())) as fake, PluginProcess(tmp_path, queries(source("a", fake.url))).ready() as plugin:
        plugin.tick_until(plugin.healthy, "that all is well")
        (tmp_path / "queries.yaml").write_text("sources: [")
        plugin.tick_until(lambda: plugin.logged("was changed and is refused"), "that it is refused")
        asked = len(fake.requests)
        plugin.tick_until(lambda: len(fake.requests) > asked, "that the source is read")
        assert len(plugin.logged("^I! collector started")) == 1
        assert len(plugin.logged("was changed and is refused")) == 1
        plugin.end_of_input()
        assert plugin.wait() == 0


def test_with_a_write_in_hand_it_ends_and_prints_nothing_behind_half_a_line(tmp_path: Path) -> None:
    """What another configuration printed in the same process would be glued to it: `cpcollector_ledger`."""
    with FakeSource(endless) as fake, PluginProcess(tmp_path, queries(source("a", fake.url))).ready() as plugin:
        assert plugin.popen.stdout is not None
        descriptor = plugin.popen.stdout.fileno()
        plugin.tick()
        wait_until(lambda: len(plugin.output) > 100_000, "some output", 20)
        plugin.stop_reading()
        wait_until(lambda: unread(descriptor) >= 65536 - 4096, "the pipe to be full", 20)
        more = plugin.landing.place(queries(source("b", fake.url)), {})
        (tmp_path / "queries.yaml").write_text(yaml.safe_dump(more))
        plugin.tick()
        assert plugin.popen.wait(10) == 1  # Telegraf starts it again, with the new file
        assert plugin.logged("^E! Telegraf does not read: ending")
        assert len(plugin.logged("^I! collector started")) == 1
        plugin.resume_reading()
        assert plugin.wait() == 1
        whole, _, rest = plugin.output.rpartition(b"\n")
        lines = read_lines(whole + b"\n")
        assert {line.measurement for line in lines} <= {"power", LEDGER, "collector_origin"}
        assert len({line.fields["incarnation"] for line in lines if line.measurement == LEDGER}) == 1
        assert b"power,field=watts,host=a,source_bucket=data watts=1.5 ".startswith(rest[:53])
