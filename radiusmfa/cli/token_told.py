"""Tokens as commands show them: one line, or what `--json` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from radiusmfa.login import devices

if TYPE_CHECKING:
    from radiusmfa.stores.tokens import Token


def describe(token: Token) -> dict[str, Any]:
    """Return what `--json` shows of a token; a number or an address is masked."""
    return {
        "serial": token.serial,
        "user": token.user,
        "kind": token.kind,
        "algorithm": token.algorithm or None,
        "digits": token.digits or None,
        "period": token.period or None,
        "status": token.status,
        "drift": token.drift,
        "last": token.last if token.last >= 0 else None,
        "label": token.label,
        "created": token.created,
        "to": token.to or None,
    }


def shape(token: Token) -> str:
    """Return what kind of token it is, in a few words."""
    if token.kind not in devices.OATH:
        return f"{token.kind} {token.to}".rstrip()
    period = f", {token.period} s" if token.period else ""
    return f"{token.kind} {token.algorithm}, {token.digits} digits{period}"
