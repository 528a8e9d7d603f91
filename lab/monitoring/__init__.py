"""What is watched, said once: `panels` and `alerts` are the list, the other modules write it as files for
InfluxDB, Grafana and Prometheus (`make monitoring`, docs/monitoring.md). Pure but for `__main__`.
"""
