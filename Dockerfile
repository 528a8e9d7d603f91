# Telegraf with the collector's plugin. Build: docker compose build
# Podman: build with --format docker (BUILDAH_FORMAT=docker), or the HEALTHCHECK is left out.

FROM telegraf:1.39.3 AS build
# Python's version is the base's: Debian keeps no old ones that a pin could name.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python3 -m venv /opt/collector
# The locked dependencies first: they change less often than the code.
COPY requirements.txt requirements-build.txt ./
RUN /opt/collector/bin/pip install --no-cache-dir --require-hashes -r requirements.txt \
    && python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY telegraf_plugin telegraf_plugin
RUN /opt/build/bin/python -m hatchling build --target wheel \
    && /opt/collector/bin/pip install --no-cache-dir --no-deps dist/*.whl \
    # What venv brought along and nothing here imports.
    && /opt/collector/bin/pip uninstall --yes setuptools pip
COPY scripts/collector scripts/healthcheck /app/scripts/
COPY telegraf.conf /app/
COPY config /app/config
# A clone under umask 027 has files that the user below could not read.
RUN chmod -R u=rwX,go=rX /app /opt/collector

FROM telegraf:1.39.3
# The folder for the log is the only place that the collector writes to.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
    && install --directory --owner=10001 --group=10001 /app/logs
COPY --from=build /opt/collector /opt/collector
COPY --from=build /app /app
ENV PATH=/opt/collector/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
LABEL org.opencontainers.image.title="data-collector" \
    org.opencontainers.image.description="Telegraf with a plugin that copies InfluxDB 2 buckets into a central one" \
    org.opencontainers.image.version="0.2.0" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.base.name="telegraf:1.39.3"
WORKDIR /app
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 5000
# Well when every stream is read. The first cycle comes within COLLECTOR_INTERVAL.
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 CMD ["/app/scripts/healthcheck"]
# It becomes Telegraf (exec), which therefore gets the signals of `docker stop`.
ENTRYPOINT ["/app/scripts/collector"]
