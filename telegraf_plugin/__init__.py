"""Data Collector: a Telegraf execd input plugin that copies InfluxDB 2 buckets into a central InfluxDB 2.

    a tick ─► plugin ─► worker (one a source) ─► reader ─► influxdb: Flux query, reply decoded to blocks
                                                        ─► stream:   what may pass, and with which tags (pure)
                                                        ─► telegraf: blocks encoded to lines, to standard output

cli       the command line and its exit statuses
plugin    ticks in, cycles, log, metrics and health out
worker    one source's reads, in threads of its own; reader copies one stream's window
central   a look into central, for what it refuses
audit     what is said in the log
config    queries.yaml and the environment, validated as a whole
influxdb  Flux builder, annotated CSV decoder, client: bytes from a source to blocks
telegraf  line protocol encoder, the writer of standard output, ticks, log, own metrics
stream    the domain without I/O: blocks, definitions, tag mapping, status, retries
errors    what can go wrong, sorted by what one does about it

Imports go one way: __main__, cli, plugin, worker and its peers, reader, then config, influxdb and telegraf side by
side, stream, errors.
"""
