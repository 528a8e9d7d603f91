"""Data Collector: a Telegraf execd input plugin that copies InfluxDB 2 buckets into a central InfluxDB 2, exactly.

    a tick ─► plugin ─► worker (one a source) ─► stream.course: what is to be done next (pure)
                                              ─► runner: reads the source by passage, prints lines and marks by printer
    central ─► watch: marks that are back ─► worker

cli       the command line and its exit statuses
plugin    ticks in, cycles, log, metrics and health out; reload takes over a changed queries.yaml
commands  what an operator looks at and asks for while the plugin runs; permissions prints the tokens' commands
watch     reads the ledger in central and tells the workers
worker    one source's work, in threads of its own; lanework does it, a lane is one stream
runner    does a stream's jobs: copies, counts, proves, compares; passage: what of a span can pass
printer   lines out through the gate, which keeps what is in flight under a limit, and marks behind them
central   all questions to central: the ledger, and what has landed
audit     what is said in the log
lint      what in telegraf.conf would lose points
config    queries.yaml and the environment, validated as a whole
influxdb  Flux builder, annotated CSV decoder, client: bytes from a server to blocks
telegraf  line protocol encoder, the writer of standard output, ticks, log, own metrics
stream    the domain without I/O: what is proved and what to do next, marks, digests, blocks, tag mapping, status
errors    what can go wrong, sorted by what one does about it

Imports go one way; pyproject.toml says which, and docs/architecture.md why.
"""
