"""deploy/kafka/site.conf is telegraf.conf but for its outputs to central; central.conf reads what site.conf writes."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from telegraf_plugin.lint.rules_kafka import LONGEST_MESSAGE
from tests.unit.test_lint import ROOT

SHIPPED = tomllib.loads((ROOT / "telegraf.conf").read_text())
SITE = tomllib.loads((ROOT / "deploy" / "kafka" / "site.conf").read_text())
CENTRAL = tomllib.loads((ROOT / "deploy" / "kafka" / "central.conf").read_text())
FILTERS = ("namepass", "tagpass", "tagdrop")


def filters(output: dict[str, Any]) -> dict[str, Any]:
    return {key: output[key] for key in FILTERS if key in output}


def test_the_sites_is_telegraf_conf_but_for_its_outputs() -> None:
    for part in ("agent", "inputs", "processors"):
        assert SITE[part] == SHIPPED[part]
    assert {*SITE["outputs"]} == {"kafka", "health"}
    assert SITE["outputs"]["health"] == SHIPPED["outputs"]["health"]


def test_both_sides_take_what_telegraf_conf_takes_to_the_same_buckets() -> None:
    shipped = SHIPPED["outputs"]["influxdb_v2"]
    assert CENTRAL["outputs"] == {"influxdb_v2": shipped}
    assert [filters(output) for output in SITE["outputs"]["kafka"]] == [filters(output) for output in shipped]


def test_each_bucket_has_a_topic_and_each_topic_an_input() -> None:
    topics = [output["topic"] for output in SITE["outputs"]["kafka"]]
    assert topics == [f"collector.{output['bucket']}" for output in SHIPPED["outputs"]["influxdb_v2"]]
    inputs = CENTRAL["inputs"]["kafka_consumer"]
    assert [each["topics"] for each in inputs] == [[topic] for topic in topics]
    assert [each["consumer_group"] for each in inputs] == topics


@pytest.mark.parametrize("part", ["outputs.kafka", "inputs.kafka_consumer"])
def test_what_is_said_of_one_is_said_of_all(part: str) -> None:
    kind, name = part.split(".")
    same = [
        {
            key: value
            for key, value in each.items()
            if key not in (*FILTERS, "alias", "topic", "topics", "consumer_group", "routing_tag", "routing_key")
        }
        for each in (SITE if kind == "outputs" else CENTRAL)[kind][name]
    ]
    assert len(same) == 4
    assert same[1:] == same[:-1]


def test_both_sides_ask_for_a_lost_broker_for_as_long_as_the_client_would_leave_it_alone() -> None:
    for each in (*SITE["outputs"]["kafka"], *CENTRAL["inputs"]["kafka_consumer"]):
        wait_s = float(each["metadata_retry_backoff"].removesuffix("s"))
        assert wait_s <= 2.0  # so late a broker that is back is noticed
        assert each["metadata_retry_max"] * wait_s >= 10.0


def test_nothing_is_changed_on_centrals_side() -> None:
    assert "processors" not in CENTRAL
    assert "global_tags" not in CENTRAL
    agent = CENTRAL["agent"]
    assert agent["omit_hostname"]
    for each in CENTRAL["inputs"]["kafka_consumer"]:
        assert each["influx_parser_type"] == "upstream"
        assert {"tags", "topic_tag", "msg_headers_as_tags", "timestamp_source"}.isdisjoint(each)
        # Two batches fit, and nothing overflows.
        assert 2 * agent["metric_batch_size"] <= each["max_undelivered_messages"] < agent["metric_buffer_limit"] // 2


def test_the_document_makes_topics_that_take_the_longest_message() -> None:
    document = (ROOT / "docs" / "kafka.md").read_text()
    assert {output["max_message_bytes"] for output in SITE["outputs"]["kafka"]} == {LONGEST_MESSAGE}
    assert f"max.message.bytes={LONGEST_MESSAGE + 64 * 1024}" in document
    variables = (ROOT / ".env.example").read_text()
    for bucket in document.split("for bucket in ")[1].split(";")[0].split():
        assert f"_BUCKET={bucket}\n" in variables or f"_BUCKET_2={bucket}\n" in variables
