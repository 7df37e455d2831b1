r"""
Whom the token servers know: names, passwords, PINs, codes, and what each one's dialogue is.

`DOMAIN\name.17@realm` has the dialogues of `name`, so that every test may have a
user of its own. Nothing is remembered from one login to the next: a PIN that was set
is not kept, and codes do not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

PASSWORD: Final = "correct horse"
PIN: Final = "2468"
CODE: Final = "159759"
NEXT_CODE: Final = "765432"
SYSTEM_PIN: Final = "483920"
PASSCODE: Final = PIN + CODE
# RFC 2759 section 9.2 and RFC 3079 section 3.5.3.
RFC_USER: Final = "User"
RFC_PASSWORD: Final = "clientPass"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """
    A user of a token server.

    Attributes:
        mode: The dialogue; the scripts in `unlang/` know what it means.
        password: What a directory would check.
        pin: Typed before the code.
        code: Good now, and always.
        next_code: The token's next.
        new_pin: What the server makes up.
        wait: Seconds of silence until the user's telephone has an answer, 0 to 59.
        approves: What the answer is.
    """

    mode: str
    password: str = PASSWORD
    pin: str = PIN
    code: str = CODE
    next_code: str = NEXT_CODE
    new_pin: str = SYSTEM_PIN
    wait: float = 0
    approves: bool = True

    def entry(self, name: str) -> str:
        """Return what FreeRADIUS's `files` reads: an entry of its own syntax."""
        values = {
            "Token-Mode": self.mode,
            "Token-Password": self.password,
            "Token-Pin": self.pin,
            "Token-Code": self.code,
            "Token-Next-Code": self.next_code,
            "Token-New-Pin": self.new_pin,
            "Token-Wait": f"{self.wait:g}",
            "Token-Approves": "yes" if self.approves else "no",
        }
        return name + " " + ", ".join(f'{key} := "{value}"' for key, value in values.items())


# RSA SecurID. Passcode: PIN and code. `PIN Accepted` wants the new PIN and NEXT_CODE.
SECURID: Final = {
    "normal": Holder(mode="normal"),
    "once": Holder(mode="once"),  # the same passcode again is refused
    "next": Holder(mode="next"),  # passcode, then NEXT_CODE
    "next-long": Holder(mode="next-long"),  # the same with a State of 240 octets
    "next-short": Holder(mode="next-short"),  # the same with `SBR-CH nnnnnn|1`
    "newpin": Holder(mode="newpin"),  # CODE alone, then a PIN twice
    "syspin": Holder(mode="syspin"),  # CODE alone, y, SYSTEM_PIN is shown, y
    "choice": Holder(mode="choice"),  # CODE alone, y: as syspin, n: as newpin
    "ondemand": Holder(mode="ondemand"),  # PIN alone, then NEXT_CODE
    "ondemand-newpin": Holder(mode="ondemand-newpin"),  # as newpin; new PIN alone, NEXT_CODE
}

# Symantec VIP Enterprise Gateway.
VIP: Final = {
    "uo": Holder(mode="uo", wait=0.2),  # CODE, or PUSH
    "uo-deny": Holder(mode="uo", wait=0.2, approves=False),
    "ulo": Holder(mode="ulo"),  # PASSWORD and CODE, or PASSWORD, then CODE
    "ulo-push": Holder(mode="ulo-push", wait=0.2),  # PASSWORD and CODE, or PASSWORD
    "ulo-deny": Holder(mode="ulo-push", wait=0.2, approves=False),
}

# OneSpan Authentication Server.
ONESPAN: Final = {
    "otp": Holder(mode="otp", password="", pin=""),  # CODE; CHAP, too
    "otp-pin": Holder(mode="otp", password=""),  # PIN and CODE
    "otp-full": Holder(mode="otp"),  # PASSWORD, PIN and CODE
    "challenge": Holder(mode="challenge"),  # PASSWORD, 482913 is shown, CODE
    "virtual": Holder(mode="virtual"),  # PASSWORD, then CODE
    "virtual-keyword": Holder(mode="virtual-keyword"),  # nothing, then PASSWORD and CODE
    "push": Holder(mode="push", wait=0.2),  # PASSWORD
    "push-deny": Holder(mode="push", wait=0.2, approves=False),
}

# Microsoft NPS with the MFA extension; PASSWORD by PAP, CHAP, MS-CHAP or MS-CHAPv2.
NPS: Final = {
    "code": Holder(mode="code"),  # PAP only; then CODE
    "none": Holder(mode="push"),  # no second factor
    "push": Holder(mode="push", wait=0.2),
    "push-1": Holder(mode="push", wait=1),
    "push-3": Holder(mode="push", wait=3),
    "push-30": Holder(mode="push", wait=30),
    "push-deny": Holder(mode="push", wait=0.2, approves=False),
    RFC_USER: Holder(mode="push", password=RFC_PASSWORD),
}

# Duo's Authentication Proxy.
DUO_PROXY: Final = {
    "only": Holder(mode="only", wait=0.2),  # nothing, push, phone, sms or CODE
    "only-deny": Holder(mode="only", wait=0.2, approves=False),
    "auto": Holder(mode="auto", wait=0.2),  # PASSWORD, or PASSWORD,push or PASSWORD,CODE
    "auto-deny": Holder(mode="auto", wait=0.2, approves=False),
    "menu": Holder(mode="menu", wait=0.2),  # PASSWORD, then 1, 2, 3, a word or CODE
    "menu-deny": Holder(mode="menu", wait=0.2, approves=False),
    "enroll": Holder(mode="enroll"),  # PASSWORD, then a Reject whatever is typed
}

# No product. PASSWORD by PAP, CHAP, MS-CHAP or MS-CHAPv2; after a challenge CODE.
GENERIC: Final = {
    "plain": Holder(mode="plain"),  # an Accept without attributes
    "rich": Holder(mode="rich"),  # an Accept with attributes of many kinds
    "excuse": Holder(mode="excuse"),  # a Reject with a Reply-Message
    "loop": Holder(mode="loop"),  # challenges for ever, whatever is typed
    "timed": Holder(mode="timed"),  # a challenge with Session-Timeout and Prompt = Echo
    "wordy": Holder(mode="wordy"),  # a challenge with three Reply-Message, control characters
    "mute": Holder(mode="mute"),  # a challenge without Reply-Message
    "stateless": Holder(mode="stateless"),  # a challenge without State
    "silent": Holder(mode="silent"),  # never an answer
    "push": Holder(mode="push", wait=0.2),
    "push-1": Holder(mode="push", wait=1),
    "push-3": Holder(mode="push", wait=3),
    "push-30": Holder(mode="push", wait=30),
    "push-deny": Holder(mode="push", wait=0.2, approves=False),
    RFC_USER: Holder(mode="plain", password=RFC_PASSWORD),
}

HOLDERS: Final = {
    "securid": SECURID,
    "vip": VIP,
    "onespan": ONESPAN,
    "nps": NPS,
    "duo-proxy": DUO_PROXY,
    "generic": GENERIC,
}
