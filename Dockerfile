# Telegraf with the collector's plugin. Build: docker compose build

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

FROM telegraf:1.39.3
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/collector /opt/collector
ENV PATH=/opt/collector/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
COPY scripts/collector scripts/collector
COPY telegraf.conf ./
COPY config config
RUN mkdir logs && chown 10001:10001 logs
USER 10001:10001
EXPOSE 5000
ENTRYPOINT ["/app/scripts/collector"]
