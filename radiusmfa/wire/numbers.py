"""Numbers of the protocol: packet codes and the attribute types that the code names."""

from __future__ import annotations

from typing import Final

# Packet codes, RFC 2865 section 4, RFC 2866 section 4, RFC 5997 section 4.
ACCESS_REQUEST: Final = 1
ACCESS_ACCEPT: Final = 2
ACCESS_REJECT: Final = 3
ACCOUNTING_REQUEST: Final = 4
ACCOUNTING_RESPONSE: Final = 5
ACCESS_CHALLENGE: Final = 11
STATUS_SERVER: Final = 12
# Codes that are answers or belong to a server of another kind (RFC 5176, RFC 7930).
NOT_FOR_A_SERVER: Final = frozenset({2, 3, 5, 11, 41, 42, 44, 45, 52})
DYNAMIC_AUTHORIZATION: Final = frozenset({40, 43})

# Attribute types, RFC 2865 section 5, RFC 2866 section 5, RFC 2869 section 5.
USER_NAME: Final = 1
USER_PASSWORD: Final = 2
CHAP_PASSWORD: Final = 3
NAS_IP_ADDRESS: Final = 4
REPLY_MESSAGE: Final = 18
STATE: Final = 24
CLASS: Final = 25
VENDOR_SPECIFIC: Final = 26
SESSION_TIMEOUT: Final = 27
CALLING_STATION_ID: Final = 31
NAS_IDENTIFIER: Final = 32
PROXY_STATE: Final = 33
ACCT_STATUS_TYPE: Final = 40
ACCT_SESSION_ID: Final = 44
EVENT_TIMESTAMP: Final = 55
CHAP_CHALLENGE: Final = 60
ARAP_PASSWORD: Final = 70
PROMPT: Final = 76
EAP_MESSAGE: Final = 79
MESSAGE_AUTHENTICATOR: Final = 80
NAS_IPV6_ADDRESS: Final = 95

HEADER_OCTETS: Final = 20
AUTHENTICATOR_OCTETS: Final = 16
LARGEST_PACKET: Final = 4096  # RFC 2865 section 3
LARGEST_VALUE: Final = 253  # an attribute's length octet counts itself and the type
MOST_ATTRIBUTES: Final = 200  # ours; FreeRADIUS has the same default
