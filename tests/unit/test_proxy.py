"""The proxy of an address, as Go's httpproxy chooses it: https://pkg.go.dev/golang.org/x/net/http/httpproxy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.transport import proxy_for

PROXY = "http://proxy:3128"
BOTH = {"HTTP_PROXY": "http://plain:1", "HTTPS_PROXY": "http://tls:2"}


def test_without_variables_there_is_no_proxy() -> None:
    assert proxy_for("http://pod-1:8086", {"NO_PROXY": "x", "HTTP_PROXY": "", "ALL_PROXY": PROXY}) is None


@pytest.mark.parametrize(("url", "proxy"), [("http://pod-1:8086", "http://plain:1"), ("https://pod-1", "http://tls:2")])
def test_each_scheme_has_its_own_variable(url: str, proxy: str) -> None:
    assert proxy_for(url, BOTH) == proxy
    assert proxy_for(url, {name.lower(): value for name, value in BOTH.items()}) == proxy


def test_capital_letters_go_first() -> None:
    assert proxy_for("http://pod-1", {"HTTP_PROXY": PROXY, "http_proxy": "http://other:1"}) == PROXY


def test_a_proxy_without_a_scheme_is_spoken_to_in_http() -> None:
    assert proxy_for("http://pod-1", {"HTTP_PROXY": "proxy:3128"}) == PROXY


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_this_machine_is_never_behind_a_proxy(host: str) -> None:
    assert proxy_for(f"http://{host}:8086", BOTH) is None
    assert proxy_for(f"https://{host}", BOTH) is None


@pytest.mark.parametrize(
    ("url", "exceptions", "straight"),
    [
        ("http://pod-1:8086", "*", True),
        ("http://pod-1:8086", "other, pod-1", True),
        ("http://pod-1:8086", "POD-1", True),
        ("http://POD-1:8086", "pod-1", True),
        ("http://pod-1:8086", "pod-1:8086", True),
        ("http://pod-1:8086", "pod-1:80", False),
        ("http://pod-1", "pod-1:80", True),
        ("https://pod-1", "pod-1:443", True),
        ("http://pod-1:8086", "pod", False),
        ("http://pod-1:8086", ",, ,", False),
        ("http://db.example.org", "example.org", True),
        ("http://db.example.org", ".example.org", True),
        ("http://db.example.org", "*.example.org", True),
        ("http://example.org", "example.org", True),
        ("http://example.org", ".example.org", False),
        ("http://badexample.org", "example.org", False),
        ("http://192.168.199.8:8086", "192.168.0.0/16", True),
        ("http://192.169.199.8:8086", "192.168.0.0/16", False),
        ("http://192.168.199.8:8086", "192.168.199.8", True),
        ("http://192.168.199.8:8086", "192.168.199.8:8086", True),
        ("http://192.168.199.8:8086", "192.168.199.8:80", False),
        ("http://192.168.199.8:8086", "168.199.8", False),
        ("http://[fd00::8]:8086", "fd00::/8", True),
        ("http://[fd00::8]:8086", "fd00::8", True),
        ("http://[fd00::8]:8086", "[fd00::8]:8086", True),
        ("http://[fd00::8]:8086", "[fd00::8]:80", False),
    ],
)
def test_no_proxy_names_hosts_domains_networks_and_ports(url: str, exceptions: str, straight: bool) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert (proxy_for(url, {**BOTH, name: exceptions}) is None) is straight


@pytest.mark.parametrize(
    "proxy", ["socks5://proxy:1", "http://", "http://proxy:0", "http://proxy:x", "http://[", "p\n"]
)
def test_what_is_no_proxy_is_refused_by_its_variable_and_not_repeated(proxy: str) -> None:
    with pytest.raises(ValueError, match=r"^the variable HTTPS_PROXY names no proxy: ") as told:
        proxy_for("https://pod-1", {"HTTPS_PROXY": proxy})
    assert proxy not in str(told.value).replace("http://host", "")


@given(exceptions=st.text(max_size=40), host=st.sampled_from(["pod-1", "10.0.0.1", "[fd00::1]"]))
def test_whatever_no_proxy_holds_there_is_an_answer(exceptions: str, host: str) -> None:
    assert proxy_for(f"http://{host}:8086", {"HTTP_PROXY": PROXY, "NO_PROXY": exceptions}) in (PROXY, None)
