"""Edge Data Replication by influxd's API: a remote, and a replication of one bucket to it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from lab.influxd import InfluxServer
from lab.loopback import open_url

QUEUE_BYTES = 2**31


def ask(server: InfluxServer, method: str, path: str, document: object = None) -> Any:
    """Return what the server answers, from JSON. Raises HttpRefused."""
    headers = {"Authorization": f"Token {server.token}", "Content-Type": "application/json"}
    body = None if document is None else json.dumps(document).encode()
    with open_url(method, server.url + path, body, headers) as reply:
        return json.load(reply)


def bucket_of(server: InfluxServer, name: str) -> tuple[str, str]:
    """Return the ids of a bucket and of its organisation."""
    (found,) = ask(server, "GET", f"/api/v2/buckets?{urlencode({'name': name})}")["buckets"]
    return found["id"], found["orgID"]


def replicate(source: InfluxServer, bucket: str, central: InfluxServer, central_bucket: str) -> None:
    """Have what is written to `bucket` from now on passed on to `central_bucket`. Raises HttpRefused."""
    (here, here_org), (there, there_org) = bucket_of(source, bucket), bucket_of(central, central_bucket)
    remote = {
        "name": "central",
        "orgID": here_org,
        "remoteURL": central.url,
        "remoteAPIToken": central.token,
        "remoteOrgID": there_org,
        "allowInsecureTLS": False,
    }
    replication = {
        "name": "all",
        "orgID": here_org,
        "remoteID": ask(source, "POST", "/api/v2/remotes", remote)["id"],
        "localBucketID": here,
        "remoteBucketID": there,
        "maxQueueSizeBytes": QUEUE_BYTES,
    }
    ask(source, "POST", "/api/v2/replications", replication)
