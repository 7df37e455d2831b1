"""
A ServiceNow instance on loopback: the Table API as it really behaves, its traps included.

Records are what a test puts in; every value is a text, times are UTC. A condition on a field
that the table does not have is dropped, and nothing is said of it.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, final
from urllib.parse import parse_qs, parse_qsl, urlsplit

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from trustme import CA

Row = dict[str, str]

ACCOUNT: Final = "radiusmfa"
PASSWORD: Final = "what the account says"
CLIENT: Final = "0123456789abcdef"
CLIENT_SECRET: Final = "what the client says & more"
HTML: Final = b"<html><body>Your instance is hibernating</body></html>"
PATIENCE: Final = 30.0
HOUR: Final = 3600.0

_TASK: Final = (
    "sys_id", "number", "state", "active", "approval", "assigned_to", "assignment_group",
    "opened_by", "short_description", "sys_created_on", "sys_updated_on",
)  # fmt: skip
FIELDS: Final = {
    "sys_user": ("sys_id", "user_name", "email", "active", "name"),
    "change_request": (*_TASK, "type", "requested_by", "start_date", "end_date", "on_hold"),
    "sc_request": (*_TASK, "requested_for"),
    "sc_req_item": (*_TASK, "request", "cat_item", "stage"),
    "sysapproval_approver": ("sys_id", "sysapproval", "approver", "state", "sys_updated_on"),
}
_REFERENCES: Final = {
    "assigned_to": "sys_user",
    "requested_by": "sys_user",
    "requested_for": "sys_user",
    "opened_by": "sys_user",
    "approver": "sys_user",
    "request": "sc_request",
    "sysapproval": "change_request",
}
_CONDITION: Final = re.compile(
    r"([a-z0-9_.]+)(ISNOTEMPTY|ISEMPTY|NOT IN|IN|STARTSWITH|LIKE|!=|>=|<=|=|>|<)(.*)", re.DOTALL
)
_LABELS: Final = {"-2": "Scheduled", "-1": "Implement", "3": "Closed"}


def at(moment: float) -> str:
    """Return a moment as ServiceNow writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


class Mood(Enum):
    """How the instance behaves."""

    WELL = auto()
    HTML = auto()
    """It sleeps: a page, with status 200."""
    TRUNCATED = auto()
    """JSON that ends in the middle, and a Content-Length that fits."""
    SHORT = auto()
    """Fewer octets than Content-Length says, then the end of the connection."""
    CUT_OFF = auto()
    """Records, and behind them an error, with status 200: a quota ended it."""
    LARGE = auto()
    """A megabyte."""
    BOMB = auto()
    """Few octets that become a megabyte."""
    GARBLED = auto()
    """Said to be compressed, and is not."""
    SILENT = auto()
    """No answer."""
    DRIP = auto()
    """A head, an octet, and no more."""
    ELSEWHERE = auto()
    """A redirection, to itself."""


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@final
@dataclass(kw_only=True)
class Simulator:
    """
    The instance: its records, its accounts, its moods.

    Attributes:
        tables: Records by table.
        mood: How it behaves.
        status: Answered to every request; 0: what it deserves.
        retry_after: Sent with `status`; empty: not sent.
        later: Name of the header that it is sent in.
        hangs_up: How many of the next requests end with the connection.
        ignores_unknown_fields: Whether a condition on an unknown field is dropped, as in
            reality unless `glide.invalid_query.returns_no_rows` is set; else no row is found.
        hidden: sys_ids that no access rule lets our account see.
        blank: Fields that come empty for the same reason.
        tokens: OAuth access tokens in force.
        token_seconds: How long a new one is good.
        asked: Every request, oldest first.
        open: Connections that are open now.
    """

    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in FIELDS})
    mood: Mood = Mood.WELL
    status: int = 0
    retry_after: str = ""
    later: str = "Retry-After"
    hangs_up: int = 0
    ignores_unknown_fields: bool = True
    hidden: set[str] = field(default_factory=set)
    blank: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    token_seconds: object = 1799
    asked: list[Asked] = field(default_factory=list)
    open: set[socket.socket] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)

    def add(self, table: str, **values: str) -> Row:
        """Put in a record; what is not said is empty."""
        row = dict.fromkeys(FIELDS[table], "") | {"sys_id": f"{self._number():032x}"} | values
        self.tables[table].append(row)
        return row

    def person(self, name: str, /, **values: str) -> Row:
        """Employ somebody."""
        usual = {"user_name": name, "email": f"{name}@example.com", "active": "true"}
        return self.add("sys_user", **(usual | values))

    def change(self, of: Row, now: float, **values: str) -> Row:
        """Put in a change that somebody implements: approved, open for an hour each way."""
        usual = {
            "number": "CHG0030001",
            "state": "-1",
            "approval": "approved",
            "active": "true",
            "on_hold": "false",
            "assigned_to": of["sys_id"],
            "start_date": at(now - HOUR),
            "end_date": at(now + HOUR),
        }
        return self.add("change_request", **(usual | values))

    def paths(self) -> list[str]:
        """Return the last parts of the paths that were asked for."""
        return [one.path.rpartition("/")[2] for one in self.asked]

    def find(self, table: str, query: str) -> list[Row]:
        """Return the records of *table* that an encoded query finds, in its order."""
        whole, *orders = re.split(r"\^?(?=ORDERBY)", query)
        rows = [
            row
            for row in self.tables[table]
            if row["sys_id"] not in self.hidden
            and any(self._fits(table, row, part) for part in whole.split("^NQ"))
        ]
        for order in reversed(orders):
            is_down = order.startswith("ORDERBYDESC")
            name = order.removeprefix("ORDERBYDESC" if is_down else "ORDERBY")
            values = {id(row): self._value(table, row, name) or "" for row in rows}
            rows.sort(key=lambda row: values[id(row)], reverse=is_down)
        return rows

    def answer(self, asked: Asked) -> tuple[int, object]:
        """Return status and JSON of a request that came in a good mood."""
        if asked.path == "/oauth_token.do":
            return self._token(asked)
        if not self._is_known(asked.headers.get("authorization", "")):
            detail = "Required to provide Auth information"
            return 401, _error("User Not Authenticated", detail)
        match = re.fullmatch(r"/api/now/table/([a-z_]+)(?:/([0-9a-f]{32}))?", asked.path)
        if match is None or match[1] not in FIELDS:
            return 400, _error(f"Invalid table {asked.path.rpartition('/')[2]}", None)
        table, names = match[1], asked.query.get("sysparm_fields", "").split(",")
        if match[2]:
            rows = [row for row in self.find(table, "") if row["sys_id"] == match[2]]
            if not rows:
                detail = "Record doesn't exist or ACL restricts the record retrieval"
                return 404, _error("No Record found", detail)
            return 200, {"result": self._shown(table, rows[0], names, asked.query)}
        rows = self.find(table, asked.query.get("sysparm_query", ""))
        first = int(asked.query.get("sysparm_offset", "0"))
        rows = rows[first : first + int(asked.query.get("sysparm_limit", "10000"))]
        return 200, {"result": [self._shown(table, row, names, asked.query) for row in rows]}

    def _number(self) -> int:
        return 0xA000 + sum(len(rows) for rows in self.tables.values())

    def _is_known(self, authorization: str) -> bool:
        kind, _, rest = authorization.partition(" ")
        if kind == "Bearer":
            return rest in self.tokens
        return kind == "Basic" and base64.b64decode(rest) == f"{ACCOUNT}:{PASSWORD}".encode()

    def _token(self, asked: Asked) -> tuple[int, object]:
        form = dict(parse_qsl(asked.body.decode()))
        wanted = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": CLIENT_SECRET,
        }
        if asked.method != "POST" or form != wanted:
            return 401, {"error": "access_denied", "error_description": "access_denied"}
        token = f"token-{len(self.asked)}"
        self.tokens.add(token)
        return 200, {
            "access_token": token,
            "scope": "useraccount",
            "token_type": "Bearer",
            "expires_in": self.token_seconds,
        }

    def _fits(self, table: str, row: Row, query: str) -> bool:
        groups = query.split("^") if query else []
        held: list[list[str]] = []
        for condition in groups:
            if condition.startswith("OR") and held:
                held[-1].append(condition.removeprefix("OR"))
            else:
                held.append([condition])
        return all(self._any_fits(table, row, alternatives) for alternatives in held)

    def _any_fits(self, table: str, row: Row, alternatives: list[str]) -> bool:
        found = [self._one_fits(table, row, condition) for condition in alternatives]
        known = [fits for fits in found if fits is not None]
        return any(known) if known else self.ignores_unknown_fields

    def _one_fits(self, table: str, row: Row, condition: str) -> bool | None:
        match = _CONDITION.fullmatch(condition)
        value = self._value(table, row, match[1]) if match else None
        if match is None or value is None:
            return None
        value, wanted = value.lower(), match[3].lower()
        return {
            "=": value == wanted,
            "!=": value != wanted,
            ">=": value >= wanted,
            "<=": value <= wanted,
            ">": value > wanted,
            "<": value < wanted,
            "IN": value in wanted.split(","),
            "NOT IN": value not in wanted.split(","),
            "LIKE": wanted in value,
            "STARTSWITH": value.startswith(wanted),
            "ISEMPTY": not value,
            "ISNOTEMPTY": bool(value),
        }[match[2]]

    def _value(self, table: str, row: Row, name: str) -> str | None:
        """Return a field, of the record that dots lead to; None: there is no such field."""
        first, _, rest = name.partition(".")
        if first not in FIELDS[table]:
            return None
        if not rest:
            return row[first]
        of = _REFERENCES.get(first)
        if of is None:
            return None
        there = next((one for one in self.tables[of] if one["sys_id"] == row[first]), None)
        if there is None:
            return "" if rest.partition(".")[0] in FIELDS[of] else None
        return self._value(of, there, rest)

    def _shown(
        self, table: str, row: Row, names: list[str], query: dict[str, str]
    ) -> dict[str, object]:
        found: dict[str, object] = {}
        for name in names if any(names) else FIELDS[table]:
            value = self._value(table, row, name)
            if value is None:
                continue  # as if it had not been asked for
            value = "" if name in self.blank else value
            found[name] = self._written(name, value, query)
        return found

    def _written(self, name: str, value: str, query: dict[str, str]) -> object:
        display = query.get("sysparm_display_value", "false")
        of = _REFERENCES.get(name.rpartition(".")[2])
        label = self._label(of, value)
        if display == "all":
            return {"value": value, "display_value": label}
        if of and value and query.get("sysparm_exclude_reference_link") != "true":
            link = f"https://simulator/api/now/table/{of}/{value}"
            shown = {"display_value": label} if display == "true" else {"value": value}
            return {"link": link, **shown}
        return label if display == "true" else value

    def _label(self, of: str | None, value: str) -> str:
        if of is not None:
            there = (row for row in self.tables[of] if row["sys_id"] == value)
            row = next(there, {"name": ""})
            return row.get("name") or row.get("number", "")
        return _LABELS.get(value, value)


def _error(message: str, detail: str | None) -> object:
    return {"error": {"message": message, "detail": detail}, "status": "failure"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        simulator, parts = self.server.simulator, urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, query, headers, body)
        simulator.asked.append(asked)
        if simulator.hangs_up:
            simulator.hangs_up -= 1
            self.close_connection = True
            return
        status, found = simulator.answer(asked)
        octets = json.dumps(found).encode()
        if simulator.status:
            error = json.dumps(_error("as a test says", None)).encode()
            self._send(simulator.status, error, {simulator.later: simulator.retry_after})
            return
        self._send_in(simulator.mood, status, octets)

    def _send_in(self, mood: Mood, status: int, octets: bytes) -> None:  # noqa: C901 - a table
        match mood:
            case Mood.WELL:
                self._send(status, octets, {})
            case Mood.HTML:
                self._send(200, HTML, {"Content-Type": "text/html"})
            case Mood.TRUNCATED:
                self._send(200, octets[:-3], {})
            case Mood.SHORT:
                self._send(200, octets[:-3], {}, missing=3)
            case Mood.CUT_OFF:
                error = json.dumps(_error("Transaction cancelled", None)).encode()
                self._send(200, octets[:-1] + b"," + error[1:], {})
            case Mood.LARGE:
                self._send(200, octets[:-1] + b" " * 2**20 + b"}", {})
            case Mood.BOMB:
                large = gzip.compress(octets[:-1] + b" " * 2**20 + b"}")
                self._send(200, large, {"Content-Encoding": "gzip"})
            case Mood.GARBLED:
                self._send(200, octets, {"Content-Encoding": "gzip"})
            case Mood.SILENT:
                self.server.simulator.released.wait(PATIENCE)
                self.close_connection = True
            case Mood.DRIP:
                self._send(200, octets[:1], {}, missing=len(octets) - 1)
            case Mood.ELSEWHERE:
                self._send(302, b"", {"Location": self.path})

    def _send(
        self, status: int, octets: bytes, headers: dict[str, str], *, missing: int = 0
    ) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(octets) + missing))
        self.send_header("Set-Cookie", "JSESSIONID=of-this-session; Path=/")
        self.end_headers()
        self.wfile.write(octets)
        if missing:
            self.wfile.flush()
            if self.server.simulator.mood is Mood.DRIP:
                # Until the other end hangs up.
                self.rfile.read(1)
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    """Serves one simulator, over TLS if it has a context."""

    daemon_threads = False  # they are waited for

    def __init__(self, simulator: Simulator, context: ssl.SSLContext | None) -> None:
        self.simulator = simulator
        self._context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the handshake is made in the connection's thread."""
        accepted, address = super().get_request()
        if self._context is not None:
            accepted = self._context.wrap_socket(
                accepted, server_side=True, do_handshake_on_connect=False
            )
        self.simulator.open.add(accepted)
        return accepted, address

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Close."""
        self.simulator.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up, or do not trust us."""


@final
class Running:
    """
    A simulator that is served.

    Attributes:
        simulator: What is served.
        url: Where.
    """

    def __init__(self, ca: CA | None, name: str = "127.0.0.1") -> None:
        """Serve on a port of loopback: with a certificate of *ca* for *name*, or without TLS."""
        self.simulator = Simulator()
        context = None
        if ca is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ca.issue_cert(name).configure_cert(context)
        self._server = _Server(self.simulator, context)
        self.url = f"{'https' if ca else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop: hang up, and wait for every thread."""
        self.simulator.released.set()
        self._server.shutdown()
        for one in list(self.simulator.open):
            _hang_up(one.shutdown)
        self._server.server_close()
        self._thread.join()


def _hang_up(shutdown: Callable[[int], None]) -> None:
    try:
        shutdown(2)
    except OSError:
        return  # the other end was faster
