"""The clients that the live server has, and the programs that play them."""

from __future__ import annotations

from typing import Final

import pytest

from tests.live.world import missing

# Debian packages by the program that a test calls.
_PACKAGES: Final = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "samba": "samba-ad-dc samba-ad-provision",
    "samba-tool": "samba-ad-dc samba-ad-provision",
    "ldbmodify": "ldb-tools",
    "ldbsearch": "ldb-tools",
    "oathtool": "oathtool",
    "radtest": "freeradius-utils",
    "radclient": "freeradius-utils",
    "freeradius": "freeradius",
    "pamtester": "pamtester",
    "radsecproxy": "radsecproxy",
    "slapd": "slapd",
    "tinyproxy": "tinyproxy-bin",
    "ldapsearch": "ldap-utils",
}

# One client a flow, told apart by the loopback address it sends from.
CHALLENGE: Final = "127.0.0.1"
STEP_UP: Final = "127.0.0.2"
APPEND: Final = "127.0.0.3"
AUTO: Final = "127.0.0.4"
PAM_APPEND: Final = "127.0.0.5"
PAM_CHALLENGE: Final = "127.0.0.6"
PROXY: Final = "127.0.0.7"
OLD_PROXY: Final = "127.0.0.8"
RETRYING: Final = "127.0.0.9"
# Programs choose identifiers by chance, and the same one again may be a retry: only
# the client that is there to retry has a window for that.
_STRICT: Final = {"retry_window": 0}
_UNSIGNED: Final = {"require_message_authenticator": "no", **_STRICT}
CLIENTS: Final = (
    {"name": "challenge", "networks": [f"{CHALLENGE}/32", "::1/128"], **_STRICT},
    {"name": "step-up", "networks": [f"{STEP_UP}/32"], "mode": "step-up", **_STRICT},
    {"name": "append", "networks": [f"{APPEND}/32"], "mode": "append", **_STRICT},
    {
        "name": "auto",
        "networks": [f"{AUTO}/32"],
        "mode": "auto",
        "reject_message": "Sorry.",
        **_STRICT,
    },
    {"name": "pam-append", "networks": [f"{PAM_APPEND}/32"], "mode": "append", **_UNSIGNED},
    {"name": "pam-challenge", "networks": [f"{PAM_CHALLENGE}/32"], **_UNSIGNED},
    {"name": "proxy", "networks": [f"{PROXY}/32"], **_STRICT},
    {
        "name": "old-proxy",
        "networks": [f"{OLD_PROXY}/32"],
        "limit_proxy_state": "no",
        **_UNSIGNED,
    },
    {"name": "retrying", "networks": [f"{RETRYING}/32"], "mode": "step-up"},
)
# As cheap as a configuration may ask for: what is tested is not the hash.
FAST: Final = {"memory_kib": 1024, "passes": 1, "lanes": 1}
# So slow that a login is surely pending when the next packet comes.
SLOW: Final = {"memory_kib": 262144, "passes": 3, "lanes": 1}


def need(*programs: str) -> None:
    """Skip, loudly, unless *programs* are installed."""
    packages = sorted({_PACKAGES.get(name, name) for name in missing(*programs)})
    if packages:
        pytest.skip(f"NOT TESTED: apt-get install {' '.join(packages)}")
