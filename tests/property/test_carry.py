"""Files of another product: whatever stands in them, it is a site or its documented error."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from radiusmfa.carry import authproxy, ini, writer
from radiusmfa.carry.settings import Context
from radiusmfa.config import read
from radiusmfa.interfaces import ImportRefusedError

if TYPE_CHECKING:
    from radiusmfa.carry.site import Site

pytestmark = pytest.mark.property

_FOLDER: Final = Path(__file__).resolve().parents[1] / "authproxy"
_FILES: Final = [
    path.read_bytes()
    for path in sorted(_FOLDER.glob("*.cfg"))
    if path.stem not in {"faulty", "hopeless"}
]
_CONTEXT: Final = Context(certificates=lambda _: None, chance=lambda size: "x" * size)
_VALUES: Final = st.one_of(
    st.sampled_from([
        b"true", b"0", b"65535", b"192.0.2.1", b"192.0.2.1-192.0.2.9", b"::/0", b"ad_client",
        b"DC=a,DC=b", b"(a=b)", b"*", b'"', b"\\", b"{x}", b"safe", b"ldaps", b"sspi", b"paloalto",
        b"duo_only_client", b"a,b", b"%s", b"x" * 300, b"ldap", b"radius_client", b"Class",
    ]),
    st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20).map(str.encode),
    st.binary(max_size=20),
)  # fmt: skip
# What no file above has, or only here and there: put into a section that does not have it.
_MORE: Final = st.sampled_from([
    b"delimiter", b"client_ip_attr", b"pass_through_attr_names", b"exempt_username_7", b"host_3",
    b"radius_ip_9", b"port", b"timeout", b"ldap_filter", b"security_group_dn", b"at_attribute",
    b"username_attribute", b"bind_dn", b"api_timeout", b"http_proxy_host", b"prompt_format",
    b"interface", b"retry_wait", b"brand_new", b"api_port", b"delimited_password_length",
])  # fmt: skip


def _refusal(octets: bytes) -> ImportRefusedError | None:
    try:
        authproxy.read(octets, _CONTEXT)
    except ImportRefusedError as error:
        return error
    return None


def _read(octets: bytes) -> None:
    refused = _refusal(octets)
    if refused is not None:
        assert refused.faults
        assert all(fault.isprintable() for fault in refused.faults)
        return
    site = authproxy.read(octets, _CONTEXT)
    text = writer.text(site, "authproxy.cfg", "it.db", date(2027, 1, 31))
    loaded = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - texts only
    assert len(loaded["clients"]) == len(site.clients) > 0
    assert all(network for client in site.clients for network in client.networks)
    for one in site.remarks:
        assert one.line >= 1
        assert one.text.isprintable()
        assert one.instead.isprintable()
    with tempfile.TemporaryDirectory() as folder:
        _load(Path(folder), text, site)


def _load(folder: Path, text: str, site: Site) -> None:
    (folder / "radiusmfa.yaml").write_text(text, encoding="utf-8")
    (folder / "secrets").mkdir()
    for secret in site.secrets:
        (folder / "secrets" / secret.name).write_bytes(secret.octets.reveal())
    config = read.load(folder / "radiusmfa.yaml")
    assert [one.name for one in config.clients] == [one.name for one in site.clients]
    assert all(one.open_until is None for one in config.services)


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf")
@example(b"[radius_server_auto]")
def test_any_octets_are_a_document_or_its_error(octets: bytes) -> None:
    """The reader has one error, and no other."""
    try:
        document = ini.parse(octets)
    except ImportRefusedError:
        return
    for section in document.sections:
        assert section.name == section.kind + section.number
        for setting in section.settings.values():
            assert setting.value == setting.value.strip(" \t")


def _without(lines: list[bytes], name: bytes, at: int) -> bool:
    """Say whether the section that the line *at* is in has no setting *name*."""
    sections = [n for n, line in enumerate(lines) if line.startswith(b"[")]
    begin = max((n for n in sections if n <= at), default=-1)
    end = min((n for n in sections if n > at), default=len(lines))
    return begin >= 0 and not any(line.startswith(name + b"=") for line in lines[begin:end])


@given(
    st.sampled_from(_FILES),
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.one_of(st.none(), _MORE), _VALUES),
        min_size=1,
        max_size=3,
    ),
)
def test_file_with_other_lines_is_a_configuration_or_its_error(
    octets: bytes, changes: list[tuple[float, bytes | None, bytes]]
) -> None:
    """Values that nobody would write, in settings that people have, and settings more."""
    lines = octets.splitlines()
    for place, name, value in changes:
        at = int(place * len(lines))
        if name is not None and _without(lines, name, at):
            lines.insert(at + 1, name + b"=" + value)
        elif b"=" in lines[at]:
            lines[at] = lines[at].partition(b"=")[0] + b"=" + value
    _read(b"\n".join(lines))


@given(
    st.sampled_from(_FILES),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.binary(min_size=1, max_size=3), st.just(b"")),
)
def test_file_with_other_octets_is_a_configuration_or_its_error(
    octets: bytes, place: float, other: bytes
) -> None:
    """Octets cut out or put in, anywhere."""
    at = int(place * len(octets))
    _read(octets[:at] + other + octets[at + len(other) + (not other) :])
