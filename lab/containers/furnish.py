"""`python -m lab.containers.furnish`: once the servers answer, the buckets and the tokens that the demo needs.

In: the operator tokens. Out: in `TOKENS`, one file a token, without a newline, for their owner only. What is there
already is kept.
"""

from __future__ import annotations

from http.client import HTTPException

from lab.containers.servers import BUCKETS, LANDING, TOKENS, Server, server
from lab.loopback import HttpRefused, wait_until

START_S = 120.0


def main() -> None:
    """Furnish the servers."""
    pod_8, pod_30, central = (server(name) for name in ("pod-8", "pod-30", "central"))
    for one in (pod_8, pod_30, central):
        wait_until(lambda one=one: _answers(one), one.name, START_S, every_s=0.5)  # type: ignore[misc]
    pod_30.create_bucket(BUCKETS.power)
    for name in LANDING:
        central.create_bucket(name)
    _token("server_a_token", pod_8, read=(BUCKETS.telegraf,))
    _token("server_b_token", pod_30, read=(BUCKETS.pods, BUCKETS.power))
    _token("central_token", central, read=LANDING, write=LANDING)
    _token("grafana_token", central, read=(BUCKETS.metrics,))
    _token("feed_a_token", pod_8, write=(BUCKETS.telegraf,))
    _token("feed_b_token", pod_30, write=(BUCKETS.pods, BUCKETS.power))


def _answers(one: Server) -> bool:
    """True when the server is set up: its operator token is good."""
    try:
        return bool(one.json("GET", "/api/v2/orgs")["orgs"])
    except (OSError, HTTPException, HttpRefused, ValueError):
        return False


def _token(name: str, one: Server, read: tuple[str, ...] = (), write: tuple[str, ...] = ()) -> None:
    file = TOKENS / name
    if file.exists():
        return
    token = one.token_for(read, write)
    file.touch(mode=0o600)
    file.write_text(token)
    file.chmod(0o400)


if __name__ == "__main__":
    main()
