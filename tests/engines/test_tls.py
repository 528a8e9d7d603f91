"""Sources and central behind TLS, with an authority made for the test: who is read, and what is said of who is not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from lab.engines import REPOSITORY
from lab.influxd import InfluxServer
from lab.loopback import free_port, wait_until
from lab.telegraf import TelegrafProcess, work_folder
from telegraf_plugin.errors import PermanentError, SourceError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.transport import STRAIGHT, Tls, Transport
from tests.engines.landing import Landing
from tests.engines.plugin_process import PluginProcess, Section, queries, run_once, source
from tests.proxy import TinyProxy

NAME = "influxdb.example.org"
POINT = b"power watts=1.5 1000000000000000000"
SPAN = "range(start: 2001-09-09T00:00:00Z, stop: 2001-09-10T00:00:00Z)"


class Secured:
    """An authority, in the file `ca`, and an influxd each with a good, a misnamed and an expired certificate."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._authority = folder, trustme.CA()
        self.ca, self.other_ca = folder / "ca.pem", folder / "other-ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))
        trustme.CA().cert_pem.write_to_path(str(self.other_ca))
        self.good = self._server("good", "127.0.0.1", NAME)
        self.misnamed = self._server("misnamed", NAME)
        self.expired = self._server("expired", "127.0.0.1", until=datetime(2020, 1, 1, tzinfo=UTC))

    def _server(self, label: str, *names: str, until: datetime | None = None) -> InfluxServer:
        issued = self._authority.issue_cert(*names, not_after=until)
        cert, key = self._folder / f"{label}.pem", self._folder / f"{label}.key"
        issued.cert_chain_pems[0].write_to_path(str(cert))
        issued.private_key_pem.write_to_path(str(key))
        return InfluxServer("o", "data", (cert, key))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    servers = Secured(tmp_path_factory.mktemp("tls"))
    with servers.good, servers.misnamed, servers.expired:
        for server in (servers.good, servers.misnamed, servers.expired):
            server.write("data", POINT)
        yield servers


def read(server: InfluxServer, transport: Transport, url: str = "") -> bytes:
    client = QueryClient(url or server.url, "o", lambda: server.token, 5, 5, 30, transport)
    return b"".join(client.query(Query(f'from(bucket: "data") |> {SPAN}', {})))


def refusal(server: InfluxServer, transport: Transport, url: str = "") -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(server, transport, url)
    assert server.token not in caught.value.summary + caught.value.hint
    return caught.value


def test_influxd_behind_the_authority_in_tls_ca_is_read(secured: Secured) -> None:
    transport = Transport(Tls(secured.ca))
    assert b",1.5," in read(secured.good, transport)
    client = QueryClient(secured.good.url, "o", lambda: secured.good.token, 5, 5, 30, transport)
    assert client.bucket("data") is not None


def test_a_wrong_authority_is_told_with_what_to_do(secured: Secured) -> None:
    for transport in (STRAIGHT, Transport(Tls(secured.other_ca))):
        error = refusal(secured.good, transport)
        assert (type(error), error.summary) == (PermanentError, "the server's certificate is not trusted")
        assert "tls_ca" in error.hint


def test_an_expired_certificate_is_told_with_what_to_do(secured: Secured) -> None:
    error = refusal(secured.expired, Transport(Tls(secured.ca)))
    assert (type(error), error.summary) == (PermanentError, "the server's certificate has expired")
    assert "renew" in error.hint


def test_a_wrong_name_is_told_and_tls_server_name_mends_it(secured: Secured) -> None:
    error = refusal(secured.misnamed, Transport(Tls(secured.ca)))
    assert (type(error), error.summary) == (PermanentError, "the server's certificate is for another name")
    assert "tls_server_name" in error.hint
    assert b",1.5," in read(secured.misnamed, Transport(Tls(secured.ca, server_name=NAME)))


def test_plain_http_to_a_server_that_wants_tls_is_told(secured: Secured) -> None:
    error = refusal(secured.good, STRAIGHT, secured.good.url.replace("https", "http"))
    assert (type(error), error.summary) == (PermanentError, "the server wants TLS (400)")
    assert "https://" in error.hint


def test_tls_to_a_server_that_speaks_plain_http_is_told(influx: InfluxServer) -> None:
    error = refusal(influx, STRAIGHT, influx.url.replace("http", "https"))
    assert (type(error), error.summary) == (PermanentError, "the server does not speak TLS on this port")
    assert "http://" in error.hint


def test_influxd_is_read_through_a_proxy_with_tls_and_without(secured: Secured, influx: InfluxServer) -> None:
    influx.write("data", POINT)
    with TinyProxy(secured.good.port) as proxy:
        transport = Transport(Tls(secured.ca), proxy.url)
        assert b",1.5," in read(secured.good, transport, f"https://{NAME}:8086")
        assert proxy.asked[0].startswith(f"CONNECT {NAME}:8086 ")
    with TinyProxy(influx.port) as proxy:
        assert b",1.5," in read(influx, Transport(proxy=proxy.url), "http://pod-8.invalid:8086")


# The collector as a whole


def secured_queries(secured: Secured, **keys: str | bool) -> Section:
    """A queries.yaml that reads `data` of the good server, and has it for central too: land it there."""
    document = queries(source("s", secured.good.url, token="${REAL}", **keys))
    document["central"] |= {"token": "${REAL}", **keys}
    return document


def test_the_collector_reads_a_source_by_its_tls_keys(secured: Secured, tmp_path: Path) -> None:
    document = secured_queries(secured, tls_ca=str(secured.ca))
    with Landing(secured.good) as landing:
        run = run_once(tmp_path, document, {"REAL": secured.good.token}, landing=landing)
    assert run.errors == [], run.stderr
    assert "not trusted" not in run.stderr  # central neither
    assert run.stream("s/data")["healthy"] == 1


def test_the_collector_goes_through_the_proxy_of_its_environment(secured: Secured, tmp_path: Path) -> None:
    document = secured_queries(secured, tls_ca=str(secured.ca))
    document["sources"][0]["url"] = f"https://{NAME}:8086"
    with TinyProxy(secured.good.port) as proxy:
        environment = {"REAL": secured.good.token, "HTTPS_PROXY": proxy.url}
        with Landing(secured.good) as landing:
            run = run_once(tmp_path, document, environment, landing=landing)
        assert run.errors == [], run.stderr
        assert run.stream("s/data")["healthy"] == 1
        assert {line.split(" ")[1] for line in proxy.asked} == {f"{NAME}:8086"}  # central is loopback


def test_telegraf_and_the_plugin_reach_central_by_the_same_tls_keys_and_proxy(secured: Secured, tmp_path: Path) -> None:
    folder = work_folder(tmp_path / "work")
    conf = (REPOSITORY / "telegraf.conf").read_text()
    commented = '  # tls_ca = ""\n'
    assert conf.count(commented) == 1  # in the first output; the comment says that all need it
    organization = '  organization = "${INFLUXDB_CENTRAL_ORG}"\n'
    secured_conf = conf.replace(commented, "").replace(organization, f'{organization}  tls_ca = "{secured.ca}"\n')
    # One server is all of them: what is read goes to another bucket, as it may not be copied into itself.
    for variable in ("SERVER_A_BUCKET", "SERVER_B_BUCKET", "SERVER_B_BUCKET_2"):
        secured_conf = secured_conf.replace(f'  bucket = "${{{variable}}}"', '  bucket = "copied"')
    (folder / "secured.conf").write_text(secured_conf)
    shipped = (REPOSITORY / "config" / "queries.yaml").read_text()
    trusting = re.sub(r"^( +)org: .*$", rf"\g<0>\n\1tls_ca: {secured.ca}", shipped, flags=re.M)
    (folder / "secured.yaml").write_text(
        re.sub(r"^( +)- bucket: .*$", r"\g<0>\n\1  central_bucket: copied", trusting, flags=re.M)
    )
    server = {"URL": f"https://{NAME}:8086", "ORG": "o", "TOKEN": secured.good.token, "BUCKET": "data"}
    environment = {f"{name}_{key}": value for name in ("INFLUXDB_CENTRAL", "SERVER_A") for key, value in server.items()}
    environment |= {f"SERVER_B_{key}": value for key, value in server.items()}
    environment |= {"INFLUXDB_CENTRAL_BUCKET": "metrics", "SERVER_B_BUCKET": "pods", "SERVER_B_BUCKET_2": "other"}
    for bucket in ("metrics", "pods", "other", "copied"):
        secured.good.create_bucket(bucket)
    environment |= {"COLLECTOR_QUERIES": "secured.yaml", "COLLECTOR_INTERVAL": "2"}
    environment |= {"HEALTH_CHECK_PORT": str(free_port())}
    now, hour = time.time_ns(), 3600 * 10**9
    with TinyProxy(secured.good.port) as proxy:
        environment |= {"HTTPS_PROXY": proxy.url, "NO_PROXY": "192.168.0.0/16,example.com"}
        with TelegrafProcess(folder / "secured.conf", environment, folder) as telegraf:
            telegraf.wait_for_log(r"read POD-8/data from https://influxdb\.example\.org:8086")

            def landed() -> bool:
                found = {point.measurement for point in secured.good.points("metrics", now - hour, now + hour)}
                return {"collector_health", "internal_agent"} <= found

            wait_until(landed, "metrics in central")
            assert "x509" not in telegraf.log()
            assert "certificate" not in telegraf.log()


def test_skipped_verification_and_tokens_in_clear_are_warned_of_at_each_start(secured: Secured, tmp_path: Path) -> None:
    document = secured_queries(secured, insecure_skip_verify=True)
    document["central"] = queries()["central"] | {"url": "http://influxdb.example.org:8086"}
    for _ in range(2):
        with PluginProcess(tmp_path, document, {"REAL": secured.good.token}) as plugin:
            plugin.ready()
            (unverified,) = plugin.wait_for_log("^W! s: insecure_skip_verify: ")
            (clear,) = plugin.wait_for_log("^W! central: token and data cross a network in clear")
        assert "tls_ca" in unverified
        assert "https://" in clear
