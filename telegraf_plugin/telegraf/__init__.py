"""The side of Telegraf: ticks in; lines, log and metrics out."""
