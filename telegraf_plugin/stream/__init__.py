"""The domain without I/O: no network, clock, log or environment in here."""
