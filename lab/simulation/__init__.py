"""`make simulation`: many sources and several shards in simulated time, a week in some minutes.

The core is the real one, by its one door (`Collector.handle` with events and clocks, asked again at `wakes_at`), and so
are the lines in flight (`Flow`), the marks, the ledger's rules and whose shard a source is. Only what lies outside is
modelled, as discrete events: sites, the line to them, the executor's threads, each shard's Telegraf, central.

No point is made. A stream has so many points each ten seconds, so what is there of it is a set of spans, at the site
and in central, and a count is the length of a set. Central gets what was read at the site and nothing else, so what it
has is a part of what the site has: then both have the same points if, and only if, they have as many. A digest is that
number, and the core compares digests made so.

What is not modelled: points that differ, that no line can carry or that central refuses; deletes; copies of central put
back (`tests/model` and the chaos runs have these). A job sees both sides as they are when it begins. What is read of
one span is printed when all of it is there. Central's speed is shared by its shards in equal parts, so that they can
be simulated one by one.
"""
