"""Data Collector: a Telegraf execd input plugin that copies InfluxDB 2 buckets into a central InfluxDB 2, exactly.

    events ─► stream.collector (pure: decides) ─► commands ─► executor (blocking: does) ─► outcomes, which are events

cli       the command line and its exit statuses
plugin    the one loop: events to the collector, its commands to the executor; log, metrics and health
executor  has commands done, in threads that decide nothing
runner    does a stream's jobs: copies, counts, proves, compares; compare: both sides by digest and as sets
audit     what is said in the log
settings  queries.yaml with telegraf.conf, and what changes of it while the plugin runs
commands  what an operator looks at and asks for while the plugin runs
sites     a site added to the files, or taken out of them, as texts
lint      what in telegraf.conf would lose points
config    queries.yaml and the environment, validated as a whole
influxdb  all questions to a source and to central; they alone know Flux
telegraf  ticks in; lines and marks out, through the in-flight window; log, own metrics
stream    the core, without I/O: what is proved and what to do next, marks, digests, blocks, tag mapping, health
errors    what can go wrong, sorted by what one does about it

Imports go one way; pyproject.toml says which, and docs/architecture.md why.
"""

__version__ = "0.2.0"
"""The one place that says it: the package, the log, the metrics, `status` and `--version` take it from here."""
