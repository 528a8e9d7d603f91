"""A model of the whole: two sources, one Telegraf, one central and the collector, in simulated time.

The collector is the real one, by its one door: `Collector.handle` with events and clocks, and `SourceDoer`,
`JobRunner`, `Printer` and `InFlightWindow` for its commands, one after the other. Only what lies outside of it is
modelled: clocks, source, pipe, Telegraf, central.
Between any two of its acts towards the outside (a *point*: a write, a read) something may happen, a kill -9 too.

What may happen: points written now, late, again with another value, ahead of the clock; a source that is silent or
whose clock jumps ahead and back; a Telegraf that writes slowly, drops what is oldest, drops a batch for a 4xx, dies
with its buffer or outlives the plugin; a request whose reply is lost, which is sent again and lands, or lands twice,
the second time late and over newer ones; a central that is silent, refuses a measurement, is put back to a copy, or has
its bucket emptied; questions that fail while all else is answered, of one kind or about one span, on either side; a
field that has another type in central for an hour; requests of operators, also cancelled; a sweep; retention on all
sides; another collector's lines with its mark; a stream that computes sums. In single stories: a whole second
collector, two or three that stand by for each other on machines of their own (`pair`), empty years, and clocks that run
ahead together or alone.

What is not promised, and so does not happen here:
- a point written, or rewritten, when it is older than the lookback by the source's clock; a point deleted;
- a request that lands more than the lookback after it was sent;
- a late request that brings what Telegraf has dropped meanwhile, and then central put back to a copy made before it
  (the sweep is for that): a late request spoils the copies;
- a batch that landed, whose reply is lost, and central emptied or put back before Telegraf has sent it again: the mark
  in it would land a second time, in a central that has lost what it stands for (the sweep is for that as well);
- a point that central loses, or that the source changes, when it is proved: the ledger cannot know better until the
  sweep or a repair finds it (that it does, is told);
- a copy of central that is not of one instant, and points in central that the source never had;
- source and collector both ahead of the time for longer than the collector is up to see them right again (the
  clocks that jump together are in `test_rules`).
"""
