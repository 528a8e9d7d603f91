"""The test bench: real Telegraf and InfluxDB on loopback, for the demo and for the end-to-end tests.

It never imports the plugin: what it says about points is a second opinion. (One process of it becomes the plugin, with
a rule taken away: `lab.chaos.mutated`.)

    engines     where the two programs are (`make engines` puts them there)
    loopback    free ports, requests to 127.0.0.1, waiting for a condition with a deadline
    process     one program started, its log, and its sure end
    points      InfluxDB's annotated CSV as a set of points, exact in value, type and nanosecond
    influxd     `InfluxServer`: one InfluxDB 2 with its buckets and tokens
    telegraf    `TelegrafProcess`: one Telegraf with its configuration and environment
    site        `Site`: POD-8, POD-30 and central, and the environment that `.env` would give
    feed        what the sources hold: a real agent for POD-8, made-up power and pods for POD-30
    expect      what central has to hold for a given set of source points
    checks      the demo's verdict
    screen      the demo's live view
    bench       `python -m lab.bench`, a package: speed, ways to copy side by side, each value compared
    demo        `python -m lab.demo`
    chaos       `python -m lab.chaos`, a package: faults at random, the ledger audited, both sides compared
"""
