"""Tests of `radiusmfa.wire.numbers`."""

from __future__ import annotations

from radiusmfa.wire import codec, names, numbers

KINDS = {
    "User-Name": numbers.USER_NAME,
    "User-Password": numbers.USER_PASSWORD,
    "CHAP-Password": numbers.CHAP_PASSWORD,
    "NAS-IP-Address": numbers.NAS_IP_ADDRESS,
    "Reply-Message": numbers.REPLY_MESSAGE,
    "State": numbers.STATE,
    "Class": numbers.CLASS,
    "Vendor-Specific": numbers.VENDOR_SPECIFIC,
    "Session-Timeout": numbers.SESSION_TIMEOUT,
    "Calling-Station-Id": numbers.CALLING_STATION_ID,
    "NAS-Identifier": numbers.NAS_IDENTIFIER,
    "Proxy-State": numbers.PROXY_STATE,
    "Acct-Status-Type": numbers.ACCT_STATUS_TYPE,
    "Acct-Session-Id": numbers.ACCT_SESSION_ID,
    "Event-Timestamp": numbers.EVENT_TIMESTAMP,
    "CHAP-Challenge": numbers.CHAP_CHALLENGE,
    "ARAP-Password": numbers.ARAP_PASSWORD,
    "Prompt": numbers.PROMPT,
    "EAP-Message": numbers.EAP_MESSAGE,
    "Message-Authenticator": numbers.MESSAGE_AUTHENTICATOR,
    "NAS-IPv6-Address": numbers.NAS_IPV6_ADDRESS,
}


def test_no_code_is_served_that_is_an_answer() -> None:
    """A port serves requests only: answering an answer could go on for ever."""
    served = codec.AUTHENTICATION_PORT | codec.ACCOUNTING_PORT
    assert served == {1, 4, 12}
    assert served.isdisjoint(numbers.NOT_FOR_A_SERVER | numbers.DYNAMIC_AUTHORIZATION)


def test_types_are_those_of_the_dictionaries() -> None:
    """A type that the code names is the one of the dictionaries, which came from the RFCs."""
    for name, kind in KINDS.items():
        found = names.attribute(name)
        assert (found.vendor, found.code) == (0, kind), name


def test_sizes_fit_each_other() -> None:
    """A value, its two octets of header, and a packet are as large as RFC 2865 allows."""
    assert numbers.LARGEST_VALUE + 2 == 255
    assert numbers.LARGEST_PACKET == 4096
    assert numbers.HEADER_OCTETS == 4 + numbers.AUTHENTICATOR_OCTETS
