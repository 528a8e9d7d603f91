"""The offline lint of queries.yaml with telegraf.conf: what starts, and yet would lose, double or misplace points.

    telegraf_conf  the file to frozen tables, variables replaced as Telegraf does (variables, durations)
    subject        both files, and what follows from them (reach: what a plugin's filters take, by glob)
    rules          the table of all rules, which stand in rules_routing, rules_outputs and others of such a name
    report         findings as a table, as lines, or as JSON

What either file says wrongly by itself is not told here: `config.load` and `telegraf config check` do.
"""

from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.rules import lint
from telegraf_plugin.lint.rules_health import interval_of
from telegraf_plugin.lint.telegraf_conf import TelegrafConf, beside, read

__all__ = ["File", "Finding", "TelegrafConf", "beside", "interval_of", "lint", "read"]
