"""What is warned of at each start: tokens in clear beyond a private network, and servers that are not verified."""

from __future__ import annotations

import pytest

from telegraf_plugin.config import Config, Credential, Server, Source, Timeouts, dangers
from telegraf_plugin.config.dangers import is_private
from telegraf_plugin.transport import Tls, Transport

TOKEN = "a-token-that-nobody-may-see"


def server(url: str, verify: bool = True) -> Server:
    return Server(url, "org", Credential(TOKEN), Transport(Tls(verify=verify)))


def config(central: Server, *sources: Server) -> Config:
    timeouts = Timeouts(1, 1, 1)
    found = tuple(Source(f"POD-{n}", each, (), 1, timeouts) for n, each in enumerate(sources, 1))
    return Config(central, found, "metrics", 100_000, 0.02)


def test_a_token_in_clear_to_a_public_address_is_warned_of_with_what_to_do() -> None:
    found = list(dangers(config(server("http://192.0.2.154:8086"), server("http://192.168.199.8:8086"))))
    assert found == [
        "central: token and data cross a network in clear to http://192.0.2.154:8086, whose address is not private: "
        "use https:// or a VPN"
    ]


def test_a_server_that_is_not_verified_is_warned_of_wherever_it_is() -> None:
    found = list(dangers(config(server("https://central"), server("https://127.0.0.1:8086", verify=False))))
    (warning,) = found
    assert warning.startswith("POD-1: insecure_skip_verify: whoever is between here and https://127.0.0.1:8086 can")
    assert "tls_ca" in warning
    assert TOKEN not in warning


def test_verified_tls_is_not_warned_of() -> None:
    assert list(dangers(config(server("https://192.0.2.154"), server("https://influxdb.example.org")))) == []


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1.2.3", "::1", "localhost", "10.1.2.3", "172.16.0.1", "192.168.199.8", "169.254.1.1"),
        *("fd00::8", "fe80::1%eth0", "::ffff:10.0.0.1", "influxdb", "pod-8", "pod-8.", "DB.local", "db.site.internal"),
        *("db.lan", "db.home.arpa", "x.localhost"),
    ],
)
def test_a_private_address_or_name_is_private(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize(
    "host",
    [
        *("192.0.2.154", "8.8.8.8", "172.32.0.1", "100.64.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8"),
        *("198.51.100.1", "203.0.113.9", "2001:db8::1", "::ffff:192.0.2.1", "192.0.3.1"),
        *("influxdb.example.org", "local.example.org", "3054895002", "192.0.154"),
        *("x.0x8", "db.local.example.org"),
    ],
)
def test_any_other_is_not(host: str) -> None:
    assert not is_private(host)
