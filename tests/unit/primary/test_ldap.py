"""Tests of `radiusmfa.primary.ldap`: refusals first."""

from __future__ import annotations

import logging
import socket
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from ldap3.core.exceptions import LDAPSocketSendError, communication_exception_factory
from ldap3.utils import log as ldap3_log

from radiusmfa.config.directory_model import Directory, DirectoryServer, Tls
from radiusmfa.interfaces import ConfigError, RadiusmfaError
from radiusmfa.outcome import Reason
from radiusmfa.primary import ldap
from radiusmfa.primary.ldap import Answer, Entry, Link, LinkError, Search
from tests.unit.primary.conftest import server_context
from tests.unit.primary.responder import (
    ALICE,
    BASE,
    HANG_UP,
    PATIENCE,
    SILENCE,
    Request,
    Responder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEARCH = Search(base=BASE, filter="(uid=alice)", attributes=("uid",), most=2)


def settings(ca_file: Path | None = None, *, verify: bool = True) -> Directory:
    """Return what matters of a directory."""
    return Directory(name="corp", servers=(), base=BASE, ca_file=ca_file, verify=verify)


def link(
    port: int,
    tls: Tls = Tls.NONE,
    ca_file: Path | None = None,
    host: str = "127.0.0.1",
    *,
    verify: bool = True,
) -> Link:
    """Return a connection that is not open yet."""
    server = DirectoryServer(host=host, port=port, tls=tls)
    return Link(server, ldap.context(settings(ca_file, verify=verify)), time.monotonic)


def soon(seconds: float = PATIENCE) -> float:
    """Return when a test gives up."""
    return time.monotonic() + seconds


def refused(one: Link, seconds: float = PATIENCE) -> LinkError:
    """Return why *one* cannot be opened."""
    with pytest.raises(LinkError) as caught:
        one.open(soon(seconds))
    return caught.value


@pytest.fixture
def responder() -> Iterator[Responder]:
    """A server without TLS."""
    with Responder() as made:
        yield made


@pytest.fixture
def opened(responder: Responder) -> Iterator[Link]:
    """A connection to it."""
    made = link(responder.port)
    made.open(soon())
    yield made
    made.close()


def test_unknown_authority_is_refused(tls: ssl.SSLContext) -> None:
    """A certificate that nobody we trust has signed is no proof: nothing is said to it."""
    with Responder(tls, is_ldaps=True) as responder:
        error = refused(link(responder.port, Tls.LDAPS))
    assert error.reason is Reason.DIRECTORY_UNREACHABLE
    assert error.what.startswith("its certificate is not accepted: ")
    assert responder.requests == []


def test_other_authority_is_refused(tls: ssl.SSLContext, tmp_path: Path) -> None:
    """Only those in `ca_file` are trusted."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with Responder(tls) as responder:
        error = refused(link(responder.port, Tls.STARTTLS, other))
    assert error.what.startswith("its certificate is not accepted: ")
    assert [one.kind for one in responder.requests] == ["extendedReq"]


@pytest.mark.parametrize("kind", [Tls.LDAPS, Tls.STARTTLS])
@pytest.mark.parametrize("name", ["dc1.corp.example", "127.0.0.2"])
def test_certificate_of_another_host_is_refused(
    authority: trustme.CA, ca_file: Path, name: str, kind: Tls
) -> None:
    """A trusted certificate for another name, or another address, is no proof."""
    context = server_context(authority, name)
    with Responder(context, is_ldaps=kind is Tls.LDAPS) as responder:
        error = refused(link(responder.port, kind, ca_file))
    assert "127.0.0.1" in error.what
    assert not responder.binds


def test_old_tls_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    """TLS 1.1 and older are not spoken, whatever a server and the system would like."""
    context = server_context(authority, "127.0.0.1")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.deprecated_call():
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Responder(context, is_ldaps=True) as responder:
        error = refused(link(responder.port, Tls.LDAPS, ca_file))
    assert error.reason is Reason.DIRECTORY_UNREACHABLE
    assert ldap.context(settings(ca_file)).minimum_version is ssl.TLSVersion.TLSv1_2
    assert not responder.requests


def test_server_without_tls_is_refused(responder: Responder, ca_file: Path) -> None:
    """A plain server where TLS is wanted gets no password."""
    responder.rules["extendedReq"] = lambda request: [request.result(2)]
    error = refused(link(responder.port, Tls.STARTTLS, ca_file))
    assert (error.reason, error.what) == (Reason.DIRECTORY_REFUSED, "it refuses StartTLS")
    assert not responder.binds


def test_plain_server_on_the_tls_port_is_refused(ca_file: Path) -> None:
    """What is no TLS is not talked to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def speak() -> None:
            connected, _ = listener.accept()
            with connected:
                connected.recv(1)
                connected.sendall(b"0\x0c\x02\x01\x01a\x07\n\x01\x00\x04\x00\x04\x00")
                connected.recv(4096)

        thread = threading.Thread(target=speak)
        thread.start()
        error = refused(link(port, Tls.LDAPS, ca_file))
        thread.join(PATIENCE)
    assert error.what.startswith("no TLS with it: ")


def test_unverified_server_is_talked_to_only_if_said(tls: ssl.SSLContext) -> None:
    """With `verify: no` any certificate will do."""
    with Responder(tls, is_ldaps=True) as responder:
        made = link(responder.port, Tls.LDAPS, verify=False)
        made.open(soon())
        assert made.bind(ALICE, b"right", soon()).code == 0
        made.close()


@pytest.mark.parametrize("kind", [Tls.LDAPS, Tls.STARTTLS])
def test_tls_comes_before_every_password(tls: ssl.SSLContext, ca_file: Path, kind: Tls) -> None:
    """A password only ever travels inside TLS."""
    with Responder(tls, is_ldaps=kind is Tls.LDAPS) as responder:
        made = link(responder.port, kind, ca_file)
        made.open(soon())
        made.bind(ALICE, b"right", soon())
        made.close()
    assert [one.is_encrypted for one in responder.seen("bindRequest")] == [True]


def test_nothing_listens() -> None:
    """A port where nobody is says so at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = refused(link(port))
    assert (error.reason, error.what) == (Reason.DIRECTORY_UNREACHABLE, "nothing listens there")


def test_host_without_address() -> None:
    """A name that is nobody's is unreachable."""
    error = refused(link(389, host="nobody.invalid"))
    assert (error.reason, error.what) == (
        Reason.DIRECTORY_UNREACHABLE,
        "nobody.invalid has no address",
    )


def test_time_is_over_before_it_begins(responder: Responder) -> None:
    """Nobody is connected to for a login that was given up."""
    assert refused(link(responder.port), -1).reason is Reason.DIRECTORY_SILENT
    assert responder.connections == 0


@pytest.mark.parametrize("kind", [Tls.LDAPS, Tls.STARTTLS])
def test_silent_server_is_given_up(responder: Responder, ca_file: Path, kind: Tls) -> None:
    """A server that accepts and says nothing holds nobody longer than the limit."""
    responder.rules["extendedReq"] = lambda _: [SILENCE]
    error = refused(link(responder.port, kind, ca_file), 0.2)
    assert error.reason in {Reason.DIRECTORY_SILENT, Reason.DIRECTORY_UNREACHABLE}
    assert not responder.binds


def test_silence_after_a_request_is_given_up(responder: Responder, opened: Link) -> None:
    """A limit counts for each answer too."""
    responder.rules["bindRequest"] = lambda _: [SILENCE]
    with pytest.raises(LinkError, match="it does not answer in time") as caught:
        opened.bind(ALICE, b"right", soon(0.1))
    assert caught.value.reason is Reason.DIRECTORY_SILENT


def _garbage(request: Request) -> dict[str, Sequence[bytes]]:
    return {
        "hangs up": [HANG_UP],
        "half an answer": [request.result()[:-3], HANG_UP],
        "no BER": [b"\x00" * 40, HANG_UP],
        "text": [b"HTTP/1.1 400 Bad Request\r\n\r\n", HANG_UP],
        "indefinite length": [b"\x30\x80\x00\x00", HANG_UP],
        "empty message": [b"\x30\x00", HANG_UP],
        "nested": [b"\x30\x84\x00\x00\x40\x00" + b"\x30\x82\x20\x00" * 4096, HANG_UP],
        "another number": [request.result(number=77), HANG_UP],
        "another kind": [request.result(kind="extendedReq"), HANG_UP],
        "not UTF-8": [request.message(b"\x61\x09\x0a\x01\x00\x04\x00\x04\x02\xff\xfe"), HANG_UP],
    }


@pytest.mark.parametrize("what", _garbage(Request(kind="bindRequest", number=1)))
def test_what_is_no_answer_is_never_success(responder: Responder, opened: Link, what: str) -> None:
    """Whatever a broken server sends, it is an error of the connection, and quotes no password."""
    responder.rules["bindRequest"] = lambda request: _garbage(request)[what]
    with pytest.raises(LinkError) as caught:
        opened.bind(ALICE, b"correct horse", soon())
    assert caught.value.reason is Reason.DIRECTORY_UNREACHABLE
    assert "horse" not in f"{caught.value!r} {caught.value.what}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("code", [1, 14, 80, 127, 255])
def test_unknown_results_are_not_success(responder: Responder, opened: Link, code: int) -> None:
    """Only 0 is success, whatever else a server makes up."""
    responder.rules["bindRequest"] = lambda request: [request.result(code)]
    assert opened.bind(ALICE, b"right", soon()).code != 0


def test_flood_is_not_taken(responder: Responder, opened: Link) -> None:
    """A server cannot fill our memory."""
    large = [b"x" * 1024] * 1024

    def flood(request: Request) -> Iterator[bytes]:
        for _ in range(4):
            yield request.entry(ALICE, {"uid": large})

    responder.rules["searchRequest"] = lambda request: list(flood(request))
    with pytest.raises(LinkError, match="the connection broke"):
        opened.search(SEARCH, soon())


@pytest.mark.parametrize(("name", "password"), [(ALICE, b""), ("", b"right"), ("", b"")])
def test_bind_as_nobody_is_impossible(
    responder: Responder, opened: Link, name: str, password: bytes
) -> None:
    """An empty name or password would succeed as nobody (RFC 4513 section 5.1.2): not even sent."""
    with pytest.raises(ValueError, match="needs a name and a password"):
        opened.bind(name, password, soon())
    assert not responder.binds


def test_password_goes_as_it_is(responder: Responder, opened: Link) -> None:
    """Octets are neither prepared nor changed on their way."""
    password = " pä\u00ad\x00ss ".encode()
    assert opened.bind(ALICE, password, soon()).code == 49
    assert responder.binds == [(ALICE, password)]


def test_password_is_not_kept(opened: Link) -> None:
    """After the bind nothing of ldap3 holds it."""
    opened.bind(ALICE, b"correct horse", soon())
    connection: Any = vars(opened)["_connection"]
    assert "horse" not in repr([vars(connection), vars(connection.strategy)])


def test_password_is_not_logged(opened: Link, caplog: pytest.LogCaptureFixture) -> None:
    """ldap3 keeps no log unless somebody turns it on; nothing here does."""
    caplog.set_level(logging.DEBUG)
    opened.bind(ALICE, b"correct horse", soon())
    assert ldap3_log.get_library_log_detail_level() == ldap3_log.OFF
    assert "horse" not in caplog.text


def test_answer_to_a_bind_is_told_whole(responder: Responder, opened: Link) -> None:
    """Result, message and controls are all there is to know of a refusal."""
    responder.rules["bindRequest"] = lambda request: [
        request.result(49, "data 52e", controls={"1.2.3": b"\x30\x00"})
    ]
    answer = opened.bind(ALICE, b"wrong", soon())
    assert answer == Answer(code=49, message="data 52e", controls=(("1.2.3", b"\x30\x00"),))


def test_entries_are_octets(responder: Responder, opened: Link) -> None:
    """Values are octets; names of attributes have no case; a value need not be there."""
    responder.rules["searchRequest"] = lambda request: [
        request.entry(ALICE, {"UID": [b"Alice", b"\xff\xfe"], "mail": []}),
        request.result(),
    ]
    answer = opened.search(SEARCH, soon())
    entry = Entry(ALICE, {"uid": (b"Alice", b"\xff\xfe"), "mail": ()})
    assert answer == Answer(code=0, entries=(entry,))
    (request,) = responder.searches
    assert (request.base, request.filter) == (BASE, "(uid=alice)")
    assert (request.attributes, request.size_limit) == (("uid",), 2)


def test_referrals_are_not_followed(responder: Responder, opened: Link) -> None:
    """Neither a reference among entries nor a referral is a reason to connect to anybody."""
    with Responder() as elsewhere:
        url = f"ldap://127.0.0.1:{elsewhere.port}/{BASE}"
        referral = b"\xa3" + bytes([len(url) + 2]) + b"\x04" + bytes([len(url)]) + url.encode()
        responder.rules["searchRequest"] = lambda request: [
            request.reference(url),
            request.result(10, more=referral),
        ]
        responder.rules["bindRequest"] = lambda request: [request.result(10, more=referral)]
        assert opened.search(SEARCH, soon()) == Answer(code=10)
        assert opened.bind(ALICE, b"right", soon()).code == 10
        assert elsewhere.connections == 0


def test_who_am_i_is_told(opened: Link) -> None:
    """A server says whom it takes us for."""
    assert opened.who_am_i(soon()).value == b"u:CORP\\alice"


def test_goodbye_is_said(responder: Responder) -> None:
    """A connection ends with an unbind, and a second end is none."""
    made = link(responder.port)
    made.open(soon())
    made.close()
    made.close()
    responder.await_goodbye()
    assert [one.kind for one in responder.requests] == ["unbindRequest"]


def test_cut_wakes_who_waits(responder: Responder, opened: Link) -> None:
    """Another thread can end a wait, and a connection that was never opened is left alone."""
    begun = threading.Event()

    def be_silent(_: Request) -> Sequence[bytes]:
        begun.set()
        return [SILENCE]

    responder.rules["bindRequest"] = be_silent
    errors = []

    def wait() -> None:
        try:
            opened.bind(ALICE, b"right", soon())
        except LinkError as error:
            errors.append(error.reason)

    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(PATIENCE)
    link(responder.port).cut()
    opened.cut()
    thread.join(PATIENCE)
    assert errors == [Reason.DIRECTORY_UNREACHABLE]


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["::1", "127.0.0.1"], ["127.0.0.9", "::1", "127.0.0.1"]]
)
def test_name_with_several_addresses_is_tried_through(
    authority: trustme.CA, ca_file: Path, found: list[str]
) -> None:
    """The address that answers is found; the certificate has to be for the name all the same."""
    name = "dc1.corp.example"
    with Responder(server_context(authority, name)) as responder:
        server = DirectoryServer(host=name, port=responder.port, tls=Tls.STARTTLS)
        tls = ldap.context(settings(ca_file))
        made = Link(server, tls, time.monotonic, lambda *_: list(found))
        made.open(soon())
        assert made.search(SEARCH, soon()).code == 0
        made.close()


def test_name_without_a_server_is_tried_to_the_end(responder: Responder) -> None:
    """Where no address answers, the last one says why."""
    server = DirectoryServer(host="x", port=responder.port, tls=Tls.NONE)
    tls = ldap.context(settings())
    made = Link(server, tls, time.monotonic, lambda *_: ["127.0.0.8", "127.0.0.9"])
    assert refused(made).what == "nothing listens there"


def test_addresses_of_a_number_are_itself() -> None:
    """A numeric address needs nobody to look it up."""
    assert ldap.addresses("192.0.2.1", 389) == ["192.0.2.1"]


def test_ca_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    """Without certificates to trust nothing is asked."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for path, why in ((empty, "no certificate in it"), (tmp_path / "none", "No such file")):
        with pytest.raises(ConfigError, match=f"corp.ldap.ca_file: .*: {why}"):
            ldap.context(settings(path))


def test_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has directories and no ldap3 is told what to install."""
    monkeypatch.setitem(sys.modules, "ldap3", None)
    with pytest.raises(RadiusmfaError, match=r"pip install 'radiusmfa\[ldap\]'"):
        ldap.library()


def test_tls_that_ends_while_something_is_sent_is_told(ca_file: Path) -> None:
    """ldap3 makes an SSLError of it that has no reason of its own."""
    made = communication_exception_factory(LDAPSocketSendError, ssl.SSLEOFError("it ends"))
    made_link = link(1, Tls.LDAPS, ca_file)
    with pytest.raises(LinkError, match="it hangs up") as caught, made_link._waiting(1.0):
        raise made("it ends")
    assert caught.value.reason is Reason.DIRECTORY_UNREACHABLE
