"""The operator's commands: doctor, status, backfill, verify, preview. One module each.

They meet the running plugin in central's ledger and nowhere else: they read its marks, and what they ask for is a
point that they write there (`stream.request`).
"""
