"""Questions to one InfluxDB 1.x: let in by user and password, a bucket is `database/policy`. InfluxQL, and Flux from
1.11 on where it is switched on.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator

from telegraf_plugin.errors import BadReply, PermanentError, SourceError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.http_client import INFLUXQL, MIN_SECRET, Request
from telegraf_plugin.influxdb.influxql import Place, UnspeakableName, identifier
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.units import HOUR, SECOND

_FLUX = "/api/v2/query"
_LOGIN = "check username and password of the source, and that they are this server's: SHOW USERS"
_MAY_READ = "let the user read the database: data-collector permissions"
_HAS_FLUX = (
    "Flux needs InfluxDB 1.11 or newer with flux-enabled = true in [http]; read: influxql, without aggregate and flux, "
    "needs neither (docs/sources.md)"
)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.\d+)?s)?")
_SHORTEST = 4
"""Letters of a whole password that is blotted out: a shorter one is part of ordinary words."""


class V1Client(QueryClient):
    """An InfluxDB 1.x. Its token is `user:password`, or empty where the server asks for none."""

    @property
    def authorization(self) -> str:
        """The header by which a request is let in; empty for none."""
        return f"Basic {_packed(self._token)}" if self._token else ""

    def redact(self, text: str) -> str:
        """Return `text` without the password, also where it was cut, or packed as the header has it."""
        for login in (self._token, *self._former):
            password = login.partition(":")[2]
            if len(password) >= _SHORTEST:
                text = text.replace(password, "[password]")
            for secret in (password, _packed(login)):
                for length in range(len(secret), MIN_SECRET - 1, -1):
                    text = text.replace(secret[:length], "[password]")
        return text

    def receive(self, request: Request) -> Iterator[bytes]:
        """Yield the body of the reply, as `HttpClient.receive` does; refusals are told in the words of 1.x."""
        try:
            yield from super().receive(request)
        except SourceError as error:
            raise _of_v1(error, request.path) from error

    def bucket(self, name: str) -> Bucket:
        """Return how the retention policy `name` (`database/policy`) is kept. Raises SourceError, also where it is
        not there.
        """
        place = place_of(name)
        policies = self.policies(place.database)
        if place.policy not in policies:
            known = ", ".join(sorted(policies)) or "none"
            summary = f"database {place.database} has no retention policy {place.policy}; there are: {known}"
            raise PermanentError(summary, "correct retention_policy of the stream", 404)
        return policies[place.policy]

    def policies(self, database: str) -> dict[str, Bucket]:
        """Return the retention policies of a database, and how each is kept. Raises SourceError."""
        try:
            statement = f"SHOW RETENTION POLICIES ON {identifier(database)}"
        except UnspeakableName:
            raise PermanentError(f"InfluxQL cannot name the database {database!r}", "rename it", 404) from None
        request = Request(INFLUXQL, "application/json", [("q", statement)])
        reply = self.document(request, "about the retention policies")
        try:
            result = json.loads(reply)["results"][0]
            error = result.get("error")
            found = {} if error else dict(_policies(database, result))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            hint = "check the url: is this InfluxDB 1.x?"
            raise BadReply("the reply about the retention policies is not InfluxDB's", hint) from None
        if error:
            raise PermanentError(str(error)[:300], "correct database of the stream: SHOW DATABASES", 404)
        return found

    def mapped_places(self, org: str) -> dict[Place, set[str]]:
        """Return nothing: a database is its own bucket, and is asked for by itself."""
        return {}

    def place(self, bucket: Bucket) -> Place:
        """Return where InfluxQL finds the bucket: what it is called says so."""
        return place_of(bucket.id)

    def influxql(self, bucket: str, statement: str) -> bytes:
        """Return the CSV reply to an InfluxQL `statement` about `bucket`, 1 MiB at the most. Raises SourceError."""
        place = place_of(bucket)
        asked = [("db", place.database), ("rp", place.policy), ("q", statement)]
        return self.document(Request(INFLUXQL, "application/csv", asked), "to an InfluxQL question")


def place_of(bucket: str) -> Place:
    """Return the database and the retention policy that a bucket `database/policy` stands for."""
    database, _, policy = bucket.partition("/")
    return Place(database, policy)


def user_statements(user: str, databases: Iterable[str]) -> list[str]:
    """Return the statements by which an administrator makes a user who reads `databases`; the first lacks a password.

    It is to be put behind it, in single quotes. Raises UnspeakableName.
    """
    name = identifier(user)
    return [
        f"CREATE USER {name} WITH PASSWORD",
        *(f"GRANT READ ON {identifier(each)} TO {name}" for each in databases),
    ]


def _policies(database: str, result: dict[str, list[dict[str, list[list[object]]]]]) -> Iterator[tuple[str, Bucket]]:
    for series in result.get("series", []):
        columns = series["columns"]
        for row in series["values"]:
            of_row = dict(zip(map(str, columns), row, strict=True))
            name = str(of_row["name"])
            retention, shard_group = (_duration(str(of_row[key])) for key in ("duration", "shardGroupDuration"))
            yield name, Bucket(retention, shard_group or HOUR, f"{database}/{name}")


def _duration(text: str) -> int:
    """Return the nanoseconds of a duration as Go writes it: `168h0m0s`. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"no duration: {text[:30]}")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * 3600 + minutes * 60 + seconds) * SECOND


def _packed(login: str) -> str:
    return b64encode(login.encode()).decode()


def _of_v1(error: SourceError, path: str) -> SourceError:
    """Return the error of a server of 1.x, which knows no token, no org and no bucket."""
    if error.status == 401:
        return PermanentError("user or password is refused (401)", _LOGIN, 401)
    if path == _FLUX and error.status in (403, 404, 405):
        return PermanentError(f"this InfluxDB answers no Flux ({error.status})", _HAS_FLUX, error.status)
    if error.status == 403:
        return PermanentError(f"the user may not do this{error.summary.partition('(403)')[2]}", _MAY_READ, 403)
    return error
