"""The chaos run: the collector as a black box between real servers, under faults injected at random.

It never imports the plugin. What the sources acknowledged is the truth: the ledger is audited against it all the time,
and at the end all points are compared with it.

    collector   the configuration that the collector is given: queries.yaml, what is changed in telegraf.conf
    lines       what is written, as line protocol and as the points that it makes
    feeder      what is written to the sources meanwhile: late, again, in bursts, other types, new series
    journal     what was written and when it was acknowledged, and what that promises of central
    proxy       an HTTP proxy that makes a server seem ill: refusals, cuts, lost and late requests, another clock
    exchange    one connection to it; `trouble` has the rules
    stage       everything that runs, and the copy of central's files
    faults      the kinds of fault; what they do is in `process_faults` and `server_faults`, one function each
    schedule    which faults, in which order: decided by the seed alone
    canary      how long until a point written at a fault's end is in central
    compare     lost, doubled, wrong: a journal's promises against points
    spans       spans of time as a mark lists them
    marks       the ledger's marks by a second hand, and which is believed
    auditor     asserts all the time that what the believed mark calls proved is there
    upheaval    when central was put back or emptied, so that nobody takes two readings for one state
    standby     of two collectors: which one reads, and for how long two have printed at once
    report      the figures, as markdown
    run         the run as a whole; `python -m lab.chaos` is its command
    mutants     the plugin with a rule taken away; `mutated` is what Telegraf starts then
    mutant_runs `python -m lab.chaos.mutant_runs`: is each of them found out?
"""
