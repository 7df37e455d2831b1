"""Which attributes an upstream gets and gives: its settings `send` and `take`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.config.nodes import Listing, Mapping, Report, Scalar
from radiusmfa.config.upstream_model import Passing
from radiusmfa.wire import names

if TYPE_CHECKING:
    from radiusmfa.wire.names import Attribute

# `upstream.attributes` lets none of these through, whatever a list says. The tests ask it about
# every attribute there is: what is refused here has no effect there, and all else has one.
OF_ONE_HOP: Final = frozenset({
    "User-Password", "CHAP-Password", "CHAP-Challenge", "State", "Proxy-State", "EAP-Message",
    "Message-Authenticator", "MS-CHAP-Response", "MS-CHAP-Error", "MS-CHAP-CPW-1",
    "MS-CHAP-CPW-2", "MS-CHAP-LM-Enc-PW", "MS-CHAP-NT-Enc-PW", "MS-CHAP-Challenge",
    "MS-Old-ARAP-Password", "MS-New-ARAP-Password", "MS-CHAP2-Response", "MS-CHAP2-CPW",
})  # fmt: skip
_OF_MS_CHAP: Final = frozenset({
    "MS-MPPE-Encryption-Policy", "MS-MPPE-Encryption-Types", "MS-CHAP-Domain", "MS-CHAP2-Success",
    "MS-CHAP-MPPE-Keys", "MS-MPPE-Send-Key", "MS-MPPE-Recv-Key",
})  # fmt: skip
_NOT_SENT: Final = _OF_MS_CHAP | {
    "Tunnel-Password", "ARAP-Password", "ARAP-Features", "ARAP-Zone-Access", "ARAP-Security",
    "ARAP-Security-Data", "ARAP-Challenge-Response",
}  # fmt: skip
_NOT_TAKEN: Final = frozenset({"Prompt", "Error-Cause"})
_WHOLE: Final = frozenset({"Vendor-Specific"})
_NAME_OF_USER: Final = frozenset({"User-Name"})
_ANY_OCTETS: Final = frozenset({"string", "octets"})
_WORDS: Final = frozenset({"all", "none"})


def read(fields: Fields, setting: str) -> Passing:
    """
    Return what a setting of an upstream passes on; what would have no effect is a fault.

    Args:
        fields: The upstream's settings.
        setting: `send`: of a request; `take`: of an Accept.
    """
    found = fields.find(setting)
    if found is None:
        return Passing()
    if isinstance(found.node, Scalar):
        word = scalar_text(found, fields.report)
        if word is not None and word not in _WORDS:
            fields.fault(setting, "must be all, none, a list of names, or {Name: Other-Name}")
        return Passing(everything=word != "none")
    reading = _Reading(fields.report, is_sent=setting == "send")
    is_list = isinstance(found.node, Listing)
    items = fields.items(setting) if is_list else [found]
    pairs = [pair for item in items for pair in reading.pairs(item)]
    reading.refuse_twins(pairs)
    if not items or found.node == Mapping({}, found.place):
        fields.fault(setting, "names nothing: say all or none")
    return Passing(everything=not is_list, names=tuple((one.name, one.other) for one in pairs))


@final
@dataclass(frozen=True, slots=True)
class _Pair:
    """
    One attribute that is passed.

    Attributes:
        name: Its own.
        other: Its name on the other side.
        found: Where it stands.
    """

    name: str
    other: str
    found: Found


@final
@dataclass(frozen=True, slots=True)
class _Reading:
    """
    Reads what is named.

    Attributes:
        report: Where faults go.
        is_sent: To the upstream; else taken from it.
    """

    report: Report
    is_sent: bool

    def pairs(self, item: Found) -> list[_Pair]:
        """Return what *item* names: one attribute, or some with other names."""
        if not isinstance(item.node, Mapping):
            name = scalar_text(item, self.report)
            named = [] if name is None else [_Pair(name, name, item)]
            return [pair for pair in named if self._attribute(pair.name, item) is not None]
        found = []
        for name, (place, node) in item.node.entries.items():
            where = f"{item.where}.{name}"
            here = Found(Scalar(name, quoted=True, place=place), where)
            there = Found(node, where)
            other = scalar_text(there, self.report)
            if other is not None and self._can_be_renamed(name, here, other, there):
                found.append(_Pair(name, other, here))
        return found

    def refuse_twins(self, pairs: list[_Pair]) -> None:
        """Note each attribute that is named twice: only one of its names could count."""
        seen: set[tuple[int, int]] = set()
        for pair in pairs:
            key = _key(names.attribute(pair.name))
            if key in seen:
                self.report.add(pair.found.place, pair.found.where, f"{pair.name} is named twice")
            seen.add(key)

    def _can_be_renamed(self, name: str, here: Found, other: str, there: Found) -> bool:
        own = self._attribute(name, here)
        target = self._attribute(other, there)
        if own is None or target is None:
            return False
        if _key(own) == _key(target):
            return True
        for attribute, found in ((own, here), (target, there)):
            if attribute.hidden or _key(attribute) in _keys(_OF_MS_CHAP):
                self.report.add(found.place, found.where, f"{attribute.name} keeps its name")
                return False
        if target.kind not in _ANY_OCTETS and target.kind != own.kind:
            what = f"{target.name} is of another type: {target.kind}, not {own.kind}"
            self.report.add(there.place, there.where, what)
            return False
        return True

    def _attribute(self, name: str, found: Found) -> Attribute | None:
        try:
            attribute = names.attribute(name)
        except names.AttributeValueError as error:
            self.report.add(found.place, found.where, str(error))
            return None
        what = self.why_not(attribute)
        if what:
            self.report.add(found.place, found.where, f"{attribute.name} {what}")
            return None
        return attribute

    def why_not(self, attribute: Attribute) -> str:
        key = _key(attribute)
        if key in _keys(OF_ONE_HOP):
            return "is never passed on: each side has its own"
        if key in _keys(_WHOLE):
            return "is many attributes: name those that it holds"
        if self.is_sent and key in _keys(_NAME_OF_USER):
            return "is always sent: user_name says how it is written"
        if key in _keys(_NOT_SENT if self.is_sent else _NOT_TAKEN):
            return "is never sent" if self.is_sent else "is never taken"
        return ""


def _key(attribute: Attribute) -> tuple[int, int]:
    return attribute.vendor, attribute.code


def _keys(these: frozenset[str]) -> frozenset[tuple[int, int]]:
    return frozenset(_key(names.attribute(name)) for name in these)


def taken(name: str) -> str:
    """
    Return how a dictionary spells *name*, an attribute of an Accept that can be passed on.

    Raises:
        AttributeValueError: It is not known, or never passed on.
    """
    attribute = names.attribute(name)
    what = _Reading(Report(), is_sent=False).why_not(attribute)
    if what:
        raise names.AttributeValueError(what)
    return attribute.name
