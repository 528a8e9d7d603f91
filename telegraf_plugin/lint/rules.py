"""All rules, in the order in which their findings are told, and `lint`, which asks them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from telegraf_plugin.config import Config
from telegraf_plugin.lint import (
    rules_execd,
    rules_foreign,
    rules_health,
    rules_kafka,
    rules_names,
    rules_outputs,
    rules_routing,
)
from telegraf_plugin.lint.finding import Finding
from telegraf_plugin.lint.subject import Subject
from telegraf_plugin.lint.telegraf_conf import TelegrafConf

Rule = Callable[[Subject], Iterable[Finding]]

RULES: dict[str, Rule] = {
    "variables": rules_outputs.variables_are_set,
    "route": rules_routing.every_stream_reaches_one_output,
    "central-bucket": rules_routing.central_bucket_is_where_it_goes,
    "central": rules_routing.outputs_write_to_the_central_of_queries,
    "own-metrics": rules_routing.own_metrics_have_an_output,
    "data-only": rules_routing.data_outputs_take_data_only,
    "in-flight": rules_outputs.buffer_holds_what_is_in_flight,
    "refusal": rules_outputs.nothing_is_lost_on_refusal,
    "kafka": rules_kafka.kafka_keeps_order_and_all,
    "unsigned": rules_outputs.unsigned_values_stay,
    "unchanged": rules_outputs.outputs_change_nothing,
    "flush": rules_outputs.batches_do_not_wait,
    "host": rules_outputs.hosts_are_the_sources,
    "aggregators": rules_outputs.processors_after_aggregators_is_said,
    "plugin": rules_execd.the_plugin_runs_once,
    "execd": rules_execd.lines_are_read_as_printed,
    "precision": rules_execd.times_stay_exact,
    "ticks": rules_foreign.ticks_come_in_time,
    "other-outputs": rules_foreign.other_outputs_take_nothing_of_ours,
    "other-inputs": rules_foreign.other_inputs_are_not_taken_for_ours,
    "processors": rules_names.processors_keep_what_proves,
    "renames": rules_names.no_two_hosts_become_one,
    "patterns": rules_names.renames_can_be_judged,
    "ports": rules_outputs.ports_exist,
    "health": rules_health.health_answers,
    "health-feed": rules_health.health_is_fed_by_the_status_alone,
    "health-test": rules_health.health_judges_the_status,
    "silence": rules_health.silence_is_noticed_in_time,
}
"""Each rule by its name, which `--json` gives with its findings."""


def lint(config: Config, conf: TelegrafConf, max_in_flight: int) -> dict[Finding, str]:
    """Return every finding on the two files, each with the name of its rule, in the order of `RULES`.

    `max_in_flight`: how many lines the plugin prints for one output before their mark has come back.
    """
    subject = Subject(config, conf, max_in_flight)
    found: dict[Finding, str] = {}
    for name, rule in RULES.items():
        for finding in rule(subject):
            found.setdefault(finding, name)
    return found
