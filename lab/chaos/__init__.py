"""The chaos run: the collector as a black box between real servers, under faults injected at random.

It never imports the plugin. At the end all points of both sides are compared as sets; the sources are the truth.

    collector   the configuration that the collector is given: queries.yaml, what is changed in telegraf.conf
    feeder      what is written to the sources meanwhile: late, again, in bursts, other types, new series
    proxy       an HTTP proxy that makes a server seem ill: refusals, cuts, lost and late requests, another clock
    exchange    one connection to it; `trouble` has the rules
    stage       everything that runs, and the copy of central's files
    faults      the kinds of fault; what they do is in `process_faults` and `server_faults`, one function each
    schedule    which faults, in which order: decided by the seed alone
    canary      how long until a point written at a fault's end is in central
    compare     lost, doubled, wrong
    report      the figures, as markdown
    run         the run as a whole; `python -m lab.chaos` is its command
"""
