"""What tests of `radiusmfa.carry` share: files of a proxy, short ones to be changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiusmfa.carry import authproxy, ini
from radiusmfa.carry.settings import Context, Notes, Taker

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.carry.site import Remark, Site

FOLDER: Final = Path(__file__).resolve().parents[2] / "authproxy"
IKEY: Final = "DIAAAAAAAAAAAAAAAAAA"
SKEY: Final = "0123456789abcdefghijABCDEFGHIJ9876543210"
LONG: Final = "a secret that is long enough"
AD: Final = """\
[ad_client]
host=dc1.corp.example
service_account_username=reader
service_account_password=of the reader
search_dn=DC=corp,DC=example
auth_type=plain
transport=ldaps
"""
RADIUS: Final = f"""\
[radius_client]
host=192.0.2.30
secret={LONG}
"""
AUTO: Final = f"""\
[radius_server_auto]
ikey={IKEY}
skey={SKEY}
api_host=api-aaaaaaaa.duosecurity.com
radius_ip_1=192.0.2.10
radius_secret_1={LONG}
client=ad_client
failmode=secure
"""


def no_certificates(name: str) -> bytes | None:
    """Find no file of certificates."""
    del name
    return None


def context(certificates: Callable[[str], bytes | None] = no_certificates) -> Context:
    """Return what reading needs; what is made up by chance is always the same."""
    return Context(certificates=certificates, chance=lambda size: "x" * size)


def read(text: str) -> Site:
    """Return the site of a file."""
    return authproxy.read(text.encode(), context())


def taker(text: str, notes: Notes | None = None) -> Taker:
    """Return the only section of *text*."""
    (section,) = ini.parse(text.encode()).sections
    return Taker(section, notes or Notes())


def about(site: Site, setting: str) -> list[Remark]:
    """Return what is said of *setting*."""
    return [remark for remark in site.remarks if remark.setting == setting]
