"""Tests of `radiusmfa.carry.servers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.carry import servers
from radiusmfa.carry.servers import Account
from radiusmfa.carry.settings import Notes
from radiusmfa.carry.site import Kind
from radiusmfa.config.model import Mode
from radiusmfa.secret import Secret
from tests.unit.carry.desk import AUTO, context, taker

if TYPE_CHECKING:
    from radiusmfa.carry.servers import Server
    from radiusmfa.carry.site import DuoService


def _server(text: str, notes: Notes | None = None, main: str = "") -> Server:
    known = notes or Notes()
    of_main = taker(main, known) if main else None
    return servers.read(taker(text, known), of_main, Account(file="duo", key=""), context())


def _service(text: str, main: str = "") -> DuoService:
    found = _server(text, main=main).service
    assert found is not None
    return found


def _without(name: str, lines: str = "") -> str:
    kept = [f"{one}\n" for one in AUTO.splitlines() if not one.startswith(f"{name}=")]
    return f"{''.join(kept)}{lines}\n"


def _kind(mode: str) -> str:
    return AUTO.replace("radius_server_auto", f"radius_server_{mode}")


FAULTS = [
    pytest.param("ikey", "ikey=DI-too-short", "ikey must be DI and 18", id="ikey"),
    pytest.param("ikey", "", "ikey is missing", id="no ikey"),
    pytest.param("ikey", "ikey=diaaaaaaaaaaaaaaaaaa", "ikey must be DI and 18", id="small ikey"),
    pytest.param("skey", "", "skey is missing", id="no skey"),
    pytest.param("skey", "skey=short", "skey must have 40 characters", id="short skey"),
    pytest.param("api_host", "api_host=https://x", "api_host must be the name", id="host"),
    pytest.param("api_host", "api_host=duo", "api_host must be the name", id="no domain"),
    pytest.param("api_host", "", "api_host is missing", id="no host"),
    pytest.param("client", "", "client is missing", id="no client"),
    pytest.param("failmode", "failmode=open", "failmode must be safe or secure", id="failmode"),
    pytest.param("factors", "factors=push,owl", "factors must be some of", id="factors"),
    pytest.param("api_timeout", "api_timeout=no", "api_timeout must be a whole", id="timeout"),
    pytest.param("port", "port=0", "port must be a port", id="port"),
    pytest.param("interface", "interface=eth0", "interface must be an address", id="interface"),
    pytest.param("radius_ip_1", "", "radius_ip_1 is missing", id="nobody"),
    pytest.param("allow_concat", "allow_concat=x", "allow_concat must be true", id="concat"),
    pytest.param("x", "exempt_username_1=" + "a" * 300, "a user name has at most", id="exempt"),
    pytest.param("x", "http_proxy_host=a b", "http_proxy_host must be the name", id="proxy"),
    pytest.param("x", "pass_through_all=x", "pass_through_all must be true", id="pass through"),
    pytest.param("x", "enroll_challenge=x", "enroll_challenge must be true", id="enroll"),
]


@pytest.mark.parametrize(("name", "line", "what"), FAULTS)
def test_faulty_section_is_refused(name: str, line: str, what: str) -> None:
    """A value that the proxy would not take either is a fault, with its line."""
    notes = Notes()
    _server(_without(name, line), notes)
    (fault,) = [fault for _, fault in notes.faults]
    assert what in fault


MODES = [
    ("auto", "", "ad_client", Mode.AUTO),
    ("auto", "allow_concat=false", "ad_client", Mode.CHALLENGE),
    ("challenge", "", "ad_client", Mode.CHALLENGE),
    ("concat", "", "ad_client", Mode.APPEND),
    ("duo_only", "", "duo_only_client", Mode.STEP_UP),
]


@pytest.mark.parametrize(("kind", "line", "client", "mode"), MODES)
def test_mode_is_what_the_section_is_for(kind: str, line: str, client: str, mode: Mode) -> None:
    """Each kind of section has one mode here; only one of them shows a menu."""
    notes = Notes()
    text = _kind(kind).replace("client=ad_client", f"client={client}")
    found = _server(f"{text}{line}\n", notes)
    assert found.mode is mode
    assert found.primary == ("" if mode is Mode.STEP_UP else "ad_client")
    assert found.name == kind.replace("_", "-")
    assert found.service is not None
    assert found.service.is_menu is (kind == "challenge")
    assert not notes.faults
    assert [one.text[:17] for one in notes.remarks] == ["an empty password"] * (kind == "duo_only")


def test_password_that_nobody_checks_is_told() -> None:
    """Without a primary what is typed is the passcode: a password there is refused."""
    for kind in ("auto", "challenge", "concat"):
        notes = Notes()
        text = _kind(kind).replace("client=ad_client", "client=Duo_Only_Client")
        found = _server(text, notes)
        assert (found.mode, found.primary, found.delimiter) == (Mode.STEP_UP, "", "")
        (remark,) = notes.remarks
        assert remark.setting == "client"
        assert "step-up" in remark.text
    notes = Notes()
    assert _server(_kind("duo_only"), notes).primary == ""
    assert [one.setting for one in notes.remarks] == ["client", ""]
    assert _server(_kind("duo_only").replace("client=ad_client\n", "")).mode is Mode.STEP_UP


def test_service_is_the_account_of_the_section() -> None:
    """Keys, host, factors, patience and the way there are those of the section."""
    found = _service(f"{AUTO}factors=Push, phone,passcode\napi_timeout=20\napi_port=8443\n")
    assert found.host == "api-aaaaaaaa.duosecurity.com:8443"
    assert found.factors == ("push", "phone", "passcode")
    assert (found.timeout, found.proxy, found.enrolment) == (20, None, True)
    usual = _service(AUTO)
    assert (usual.name, usual.host) == ("duo", "api-aaaaaaaa.duosecurity.com")
    assert (usual.factors, usual.timeout, usual.certificates) == (("auto",), None, None)
    assert not usual.fails_open
    assert not _service(f"{AUTO}enroll_challenge=false\n").enrolment


def test_key_of_the_account_opens_a_protected_one() -> None:
    """What another section of the same account tells is not made up here."""
    notes = Notes()
    text = _without("skey", "skey_protected=AQAA")
    found = servers.read(taker(text, notes), None, Account(file="duo", key="k" * 40), context())
    assert found.service is not None
    assert found.service.secret_key.octets == Secret(b"k" * 40)
    assert not notes.remarks


def test_proxy_of_the_section_goes_before_that_of_main() -> None:
    """A section may say another way to Duo."""
    main = "[main]\nhttp_proxy_host=proxy.example\nhttp_proxy_port=3128\n"
    assert _service(AUTO, main).proxy == ("proxy.example", 3128)
    assert _service(f"{AUTO}http_proxy_host=other.example\n", main).proxy == ("other.example", 80)


def test_certificates_of_main_are_those_of_duo() -> None:
    """What main trusts for HTTPS is trusted here."""
    found = _service(AUTO, "[main]\nhttp_ca_certs_file=ca.pem\n").certificates
    assert found is not None
    assert (found.name, found.octets) == ("duo.pem", None)


def test_failing_open_is_never_carried_over() -> None:
    """`safe`, also where nobody wrote it, is told and stays closed."""
    for text in (_without("failmode"), _without("failmode", "failmode=Safe")):
        notes = Notes()
        found = _server(text, notes)
        (remark,) = notes.remarks
        assert remark.kind is Kind.DIFFERENT
        assert remark.setting == "failmode"
        assert "open_until" in remark.instead
        assert found.service is not None
        assert [str(one) for one in found.service.fails_open] == [
            f"[radius_server_auto], line {remark.line}"
        ]


def test_nobody_gets_in_without_any_proof() -> None:
    """Where no password was checked there is nothing that could let in while Duo is away."""
    notes = Notes()
    found = _server(
        _kind("duo_only").replace("client=ad_client\nfailmode=secure", "port=1812"), notes
    )
    (remark,) = [one for one in notes.remarks if one.setting == "failmode"]
    assert "open_until" not in remark.instead
    assert found.service is not None
    assert not found.service.fails_open


def test_addresses_to_listen_at() -> None:
    """The section's own address goes before that of main; without one it is all of them."""
    assert _server(AUTO).listen == ("0.0.0.0", 1812)
    assert _server(f"{AUTO}port=18120\n", main="[main]\ninterface=192.0.2.5\n").listen == (
        "192.0.2.5",
        18120,
    )
    found = _server(f"{AUTO}interface=::1\n", main="[main]\ninterface=192.0.2.5\n")
    assert found.listen == ("::1", 1812)


DELIMITERS = [
    ("auto", "", ",", 0),
    ("auto", "delimiter=::", "::", 0),
    ("concat", "delimiter=;", ";", 0),
    ("challenge", "delimiter=::", "", 0),
    ("auto", "delimiter=a1", ",", 1),
    ("auto", "delimiter=123456789", ",", 1),
    ("auto", "delimited_password_length=12", ",", 1),
]


@pytest.mark.parametrize(("kind", "line", "delimiter", "remarks"), DELIMITERS)
def test_delimiter_is_one_that_can_be_used(
    kind: str, line: str, delimiter: str, remarks: int
) -> None:
    """What cannot stand between password and passcode here is told."""
    notes = Notes()
    assert _server(f"{_kind(kind)}{line}\n", notes).delimiter == delimiter
    assert len(notes.remarks) == remarks


@pytest.mark.parametrize(
    ("line", "address", "remarks"),
    [
        ("", "", 0),
        ("client_ip_attr=calling-station-id", "", 0),
        ("client_ip_attr=PaloAlto", "PaloAlto-Client-Source-IP", 0),
        ("client_ip_attr=Tunnel-Client-Endpoint", "Tunnel-Client-Endpoint", 0),
        ("client_ip_attr=User-Password", "", 1),
        ("client_ip_attr=No-Such-Attribute", "", 1),
    ],
)
def test_address_of_the_person(line: str, address: str, remarks: int) -> None:
    """The attribute is taken where it can hold an address, else it is told."""
    notes = Notes()
    assert _server(f"{AUTO}{line}\n", notes).address == address
    assert len(notes.remarks) == remarks


def test_exempt_people_are_named_in_their_normal_form() -> None:
    """Each is told with the command that shows what comes of it."""
    notes = Notes()
    found = _server(f"{AUTO}exempt_username_1=Backup\nexempt_username_2=CORP\\it's\n", notes)
    assert found.exempt == ("backup", "corp\\it's")
    assert [one.instead for one in notes.remarks] == [
        "`radiusmfa try backup --client auto-1 --password-prompt`",
        "`radiusmfa try 'corp\\it'\"'\"'s' --client auto-1 --password-prompt`",
    ]


@pytest.mark.parametrize("name", ["svc-*", "svc-?", "[svc]"])
def test_exempt_name_that_is_a_pattern_here_is_not_carried_over(name: str) -> None:
    """A name that would fit others, too, is told and left out."""
    notes = Notes()
    assert _server(f"{AUTO}exempt_username_1={name}\nexempt_username_2=\n", notes).exempt == ()
    assert [one.kind for one in notes.remarks] == [Kind.MISSING]


def test_nobody_is_exempt_from_the_only_proof() -> None:
    """Where the passcode is all there is, it cannot be left out."""
    notes = Notes()
    text = _kind("duo_only").replace("client=ad_client", "exempt_username_1=backup")
    assert _server(text, notes).exempt == ()
    (remark,) = [one for one in notes.remarks if one.setting]
    assert "radiusmfa token enroll backup --new-user" in remark.instead


TAKEN = [
    ("", (), 0),
    ("pass_through_all=true", None, 0),
    ("pass_through_attr_names=class,Filter-Id, Class", ("Class", "Filter-Id"), 0),
    ("pass_through_attr_names=State,Prompt,No-Such-Attribute,Class", ("Class",), 3),
]


@pytest.mark.parametrize(("line", "take", "remarks"), TAKEN)
def test_attributes_of_a_radius_primary(
    line: str, take: tuple[str, ...] | None, remarks: int
) -> None:
    """Attributes that can be passed on are; each that cannot is told."""
    notes = Notes()
    text = AUTO.replace("client=ad_client", "client=radius_client")
    assert _server(f"{text}{line}\n", notes).take == take
    assert len(notes.remarks) == remarks


@pytest.mark.parametrize("line", ["pass_through_all=true", "pass_through_attr_names=Class"])
def test_directory_has_no_attributes_to_pass_on(line: str) -> None:
    """What had no effect with a directory is told."""
    notes = Notes()
    assert _server(f"{AUTO}{line}\n", notes).take == ()
    assert [one.setting for one in notes.remarks] == [line.partition("=")[0]]


SAID = ["prompt_format=short", "prompt_format=html", "prompt_format=x", "pw_codec=cp1252", "new=1"]


@pytest.mark.parametrize("line", SAID)
def test_what_is_not_carried_over_is_told(line: str) -> None:
    """Forms of texts, encodings and whatever is not known: nothing is left out silently."""
    notes = Notes()
    _server(f"{AUTO}{line}\n", notes)
    assert [one.setting for one in notes.remarks] == [line.partition("=")[0]]
    notes = Notes()
    _server(f"{AUTO}prompt_format=console\npw_codec=UTF-8\n", notes)
    assert not notes.remarks
