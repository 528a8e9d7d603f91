"""A changed queries.yaml is taken over by the running program: same process, same pipes, no start by Telegraf."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.engines.plugin_process import PluginProcess, queries, source
from tests.fakes import FakeSource, good, table


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
