"""Write docs/devices: a page for each profile of conf/profiles, and the table of all of them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiusmfa.config import profiles
from radiusmfa.config.profile_model import Challenge, Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from radiusmfa.config.profile_model import Group, Profile

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "devices"
_LONG: Final = 50
"""Seconds in which a person answers a push."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]+")
_SHOWN: Final = {
    Challenge.YES: "yes",
    Challenge.TEXT: "yes: the text and one field",
    Challenge.NO: "no",
}
_SIGNS: Final = {
    Fact.YES: "It signs its requests with Message-Authenticator.",
    Fact.NO: "It signs no request with Message-Authenticator.",
    Fact.UNKNOWN: "Whether it signs its requests with Message-Authenticator is not known.",
}
_DROPS: Final = {
    Fact.YES: "It drops replies without Message-Authenticator: `sign_replies: no` is an error.",
    Fact.NO: "It takes replies without Message-Authenticator.",
    Fact.UNKNOWN: "Whether it wants Message-Authenticator in replies is not known; ours have it.",
}


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    every = [profiles.shipped(name) for name in profiles.names()]
    made = {f"{profile.name}.md": page(profile) for profile in every}
    return {**made, "README.md": index(every)}


def page(profile: Profile) -> str:
    """Return the page of one profile."""
    name = profile.name
    parts = [
        f"# {profile.title}",
        (
            f"`profile: {name}`, one of [all devices](README.md). This page is made from"
            f" [conf/profiles/{name}.yaml](../../conf/profiles/{name}.yaml)."
        ),
        "## The client entry",
        f"```yaml\n{entry(profile)}```",
        "What the entry does not say comes from the profile, before `defaults`:",
        _table(("setting", "value"), _settings(profile)),
        _patience(profile),
        "## On the device",
        "UDP port 1812; a secret of 22 to 31 letters and digits fits every device.",
        _numbered(profile.setup),
    ]
    if profile.commands:
        parts.append("```\n" + "\n".join(profile.commands) + "\n```")
    parts += ["## What it sends and takes", _bulleted(_facts(profile))]
    if profile.notes:
        parts += ["## Notes", _bulleted(profile.notes)]
    if profile.unverified:
        named = ", ".join(f"`{setting}`" for setting in profile.unverified)
        parts += [
            "## Unverified",
            (
                f"No document of the maker's was found for {named}. Try it, and say in the entry"
                " what is otherwise."
            ),
        ]
    return "\n\n".join(parts) + "\n"


def entry(profile: Profile) -> str:
    """Return a client entry with the profile, as YAML."""
    lines = [
        "clients:",
        f"  - name: {profile.name}",
        "    networks: [192.0.2.10]",
        f"    secret: {{credential: secrets_{profile.name}, file: secrets/{profile.name}}}",
        f"    profile: {profile.name}",
        *(f"    {name}: {_written(value)}" for name, value in profile.entry),
    ]
    return "\n".join(lines) + "\n"


def index(every: list[Profile]) -> str:
    """Return the page that names every profile."""
    rows = [
        (
            f"[{profile.title}]({profile.name}.md)",
            f"`{profile.name}`",
            _words(profile.modes) + _doubt(profile, "modes"),
            _SHOWN[profile.challenge] + _doubt(profile, "challenge"),
            _waits(profile) + _doubt(profile, "timeout", "tries"),
            (_words(profile.address) or "none") + _doubt(profile, "address"),
            _group(profile.group) + _doubt(profile, "group"),
        )
        for profile in sorted(every, key=lambda profile: profile.title.lower())
    ]
    head = ("device", "`profile`", "modes", "challenge", "waits", "person's address", "group")
    written = (ROOT / "tools" / "devices.md").read_text(encoding="utf-8")
    return written.replace("TABLE", _table(head, rows))


def _settings(profile: Profile) -> list[tuple[str, str]]:
    others = profile.modes[1:]
    can = f"; it can do {_words(others)}, too" if others else "; it can do nothing else"
    rows = {
        "modes": ("mode", f"`{profile.modes[0]}`{can}"),
        "challenge": ("shows_challenges", "yes" if profile.shows_challenges else "no"),
        "time_budget": ("time_budget", f"{profile.time_budget} s"),
        "prompt_limit": ("prompt_limit", f"{profile.prompt_limit} octets"),
        "prompts": ("prompts", f"`{profile.prompts}`"),
        "protocols": ("protocol", f"`{profile.protocols[0]}`{_also(profile)}"),
        "address": ("address", _words(profile.address) or "none: it sends none"),
    }
    return [
        (f"`{name}`", f"{value}{' (unverified)' if fact in profile.unverified else ''}")
        for fact, (name, value) in rows.items()
    ]


def _also(profile: Profile) -> str:
    others = profile.protocols[1:]
    return f"; it speaks {_words(others)}, too, which only an upstream can check" if others else ""


def _facts(profile: Profile) -> list[str]:
    said = [
        _SIGNS[profile.sends_message_authenticator]
        + _remark(profile, "sends_message_authenticator"),
        _DROPS[profile.requires_signed_replies] + _remark(profile, "requires_signed_replies"),
    ]
    if profile.group is None:
        said.append("No attribute is known by which a group reaches it.")
    else:
        said.append(f"A group reaches it as {_group(profile.group)}.{_remark(profile, 'group')}")
    if profile.reply:
        said.append(f"It understands {_words(profile.reply)}.{_remark(profile, 'reply')}")
    if profile.strip_realm:
        said.append(f"User names come with a realm.{_remark(profile, 'strip_realm')}")
    if profile.probe_users:
        known = _words(profile.probe_users)
        said.append(f"It tries {known} by itself: a Reject.{_remark(profile, 'probe_users')}")
    return said


def _group(group: Group | None) -> str:
    if group is None:
        return "none"
    value = group.value.replace("{group}", "GROUP")
    several = (
        f", several with `{group.join}` between them" if group.join else ", one attribute a group"
    )
    return f"{group.attribute} `{value}`{several}"


def _patience(profile: Profile) -> str:
    each = "" if profile.tries == 1 else f", {profile.tries} times"
    doubt = " (unverified)" if {"timeout", "tries"} & set(profile.unverified) else ""
    said = f"The device waits {profile.timeout:g} s for an answer{each}{doubt}."
    if profile.time_budget >= _LONG:
        return said
    return (
        f"{said} Where people answer a push, make it wait for a minute, and say the same here:"
        " `time_budget: 60`."
    )


def _waits(profile: Profile) -> str:
    times = "" if profile.tries == 1 else f"{profile.tries} times "
    return f"{times}{profile.timeout:g} s"


def _doubt(profile: Profile, *settings: str) -> str:
    return "?" if set(settings) & set(profile.unverified) else ""


def _remark(profile: Profile, setting: str) -> str:
    return " (unverified)" if setting in profile.unverified else ""


def _written(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value)


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(head)}", *lines[1:]])


def _numbered(steps: Iterable[str]) -> str:
    return "\n".join(f"{at}. {step}" for at, step in enumerate(steps, start=1))


def _bulleted(points: Iterable[str]) -> str:
    return "\n".join(f"- {point}" for point in points)


def main() -> int:
    """Write the pages, and take away those of profiles that are gone."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/devices/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
