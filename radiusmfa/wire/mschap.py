"""
MS-CHAP as a server between a client and an upstream sees it: numbers, and a refusal.

RFC 2548 section 2, RFC 2433, RFC 2759. The upstream computes; nothing here does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.wire import numbers, vendor

if TYPE_CHECKING:
    from radiusmfa.wire.codec import Packet

MICROSOFT: Final = 311

# Vendor types, RFC 2548 section 2.
CHAP_RESPONSE: Final = 1
CHAP_ERROR: Final = 2
CHAP_CPW_1: Final = 3
CHAP_CPW_2: Final = 4
CHAP_LM_ENC_PW: Final = 5
CHAP_NT_ENC_PW: Final = 6
MPPE_ENCRYPTION_POLICY: Final = 7
MPPE_ENCRYPTION_TYPES: Final = 8
CHAP_DOMAIN: Final = 10
CHAP_CHALLENGE: Final = 11
CHAP_MPPE_KEYS: Final = 12
MPPE_SEND_KEY: Final = 16
MPPE_RECV_KEY: Final = 17
OLD_ARAP_PASSWORD: Final = 19
NEW_ARAP_PASSWORD: Final = 20
CHAP2_RESPONSE: Final = 25
CHAP2_SUCCESS: Final = 26
CHAP2_CPW: Final = 27

OF_REQUEST: Final = frozenset({
    CHAP_RESPONSE, CHAP_CPW_1, CHAP_CPW_2, CHAP_LM_ENC_PW, CHAP_NT_ENC_PW, CHAP_CHALLENGE,
    OLD_ARAP_PASSWORD, NEW_ARAP_PASSWORD, CHAP2_RESPONSE, CHAP2_CPW,
})  # fmt: skip
"""Types that prove something, or change a password; only requests hold them."""

OF_ACCEPT: Final = frozenset({
    MPPE_ENCRYPTION_POLICY, MPPE_ENCRYPTION_TYPES, CHAP_DOMAIN, CHAP_MPPE_KEYS, MPPE_SEND_KEY,
    MPPE_RECV_KEY, CHAP2_SUCCESS,
})  # fmt: skip
"""Types of an Accept that belong to the exchange: without them the client hangs up."""

CHAP_MPPE_KEYS_OCTETS: Final = 32  # RFC 2548 section 2.4.1

# The version field and the octets of the challenge: RFC 2433 section 7, RFC 2759 section 6.
_BY_RESPONSE: Final = {CHAP_RESPONSE: (2, 8), CHAP2_RESPONSE: (3, 16)}


def failure(packet: Packet, challenge: bytes) -> bytes | None:
    """
    Return the complete MS-CHAP-Error that a Reject of *packet* holds.

    Error 691, authentication failure, whatever the reason is: nobody learns whether a
    user exists. Without a retry, for the Reject ends the login.

    Args:
        packet: The request; the first response in it is answered.
        challenge: 16 random octets; a response of version 1 gets the first eight.

    Returns:
        None if there is no response, or one of no octets, which has no ident.
    """
    for value in packet.values(numbers.VENDOR_SPECIFIC):
        for maker, kind, octets in vendor.sub_attributes(value) or ():
            if maker == MICROSOFT and kind in _BY_RESPONSE and octets:
                version, size = _BY_RESPONSE[kind]
                text = f"E=691 R=0 C={challenge[:size].hex().upper()} V={version}"
                return vendor.encode(MICROSOFT, CHAP_ERROR, octets[:1] + text.encode())
    return None
