"""What compose.demo.yaml runs beside servers and collector, in the collector's own image: standard library only.

servers    the three servers as the other containers reach them
tokens     first: passwords and operator tokens, made on the spot
furnish    then: central's buckets, and tokens that may do no more than their holder needs
feed       what POD-30 holds (POD-8 is fed by Telegraf, with lab/agent.conf)
look       what arrives in central, and where to look
"""
