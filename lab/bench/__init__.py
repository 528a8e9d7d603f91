"""What copying costs, and how fast it is, measured on real servers: `python -m lab.bench`.

data           what is copied, made from a seed
contenders     the ways it comes to central; `client_script`, `replication` are parts of two of them
landed         when it is there, and whether each value is right
ways           the contenders by turns, and the collector against size and number of streams
steady         a cycle with 1,000 points, a cycle with 1,000 idle streams; startup: the start
results        what was measured, as JSON; `goals`, `tables`, `plots`, `document` are made of that alone
"""
