"""Services that check a factor, asked by `doctor`: can they be reached, do they take us?"""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from radiusmfa.cli import common, findings, reach
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.config.message_model import Smtp
from radiusmfa.config.upstream_model import Users
from radiusmfa.service import kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from radiusmfa.cli.findings import Finding
    from radiusmfa.config.model import Configuration
    from radiusmfa.config.service_model import Service
    from radiusmfa.config.upstream_model import UpstreamFactor
    from radiusmfa.server.examining import Examined

_HTTPS_PORT: Final = 443
_MOST_THREADS: Final = 16
_NOTABLE_OFFSET: Final = 2.0  # seconds
PAGES: Final = {
    "duo": "duo", "question": "question", "securid": "securid", "sms": "messages",
    "smtp": "messages", "twilio": "messages", "verify": "messages", "yubico": "yubikey",
}  # fmt: skip


def doors(service: Service, timeout: float) -> list[Finding]:
    """
    Return what is found at the servers of *service*: name, connection, certificate.

    Args:
        service: From the configuration.
        timeout: Seconds to connect, and again for TLS.
    """
    if service.proxy is not None:
        place = f"{service.proxy.host}:{service.proxy.port}"
        subject = f"service {service.name} by way of {place}"
        host, port = service.proxy.host, service.proxy.port
        return reach.examine(reach.Door(host=host, port=port, timeout=timeout, tls=None), subject)
    found = []
    if isinstance(service.settings, Smtp):
        host, port = service.settings.host, service.settings.port
        # TLS begins within SMTP; the examination itself looks at that.
        door = reach.Door(host=host, port=port, timeout=timeout, tls=None)
        return reach.examine(door, f"service {service.name} {host}:{port}")
    for url in kinds.servers(service.settings):
        parts = urlsplit(url)
        subject = f"service {service.name} {parts.netloc}"
        tls = None
        if parts.scheme == "https":
            try:
                tls = ssl.create_default_context(cafile=service.ca_file)
            except OSError as error:
                text = f"{service.ca_file} cannot be used: {error.strerror}"
                found.append(findings.fault(subject, Cause.NOT_ASKED, text, "correct ca_file"))
                continue
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
        host, port = parts.hostname or "", parts.port or _HTTPS_PORT
        found += reach.examine(reach.Door(host=host, port=port, timeout=timeout, tls=tls), subject)
        if tls is None:
            found.append(_of_no_protection(subject))
    return found


def examine(services: tuple[Service, ...], timeout: float) -> list[Finding]:
    """
    Connect to *services*, then ask them, all at the same time, and return what is found.

    Args:
        services: From the configuration.
        timeout: Seconds to connect, again for TLS, and again for all that each is asked.
    """
    if not services:
        return []
    # Here, so that a configuration without services does not wait for Twisted.
    from radiusmfa.server import examining  # noqa: PLC0415

    with ThreadPoolExecutor(min(_MOST_THREADS, len(services))) as threads:
        seen = dict(
            zip(
                (one.name for one in services),
                threads.map(doors, services, [timeout] * len(services)),
                strict=True,
            )
        )
    able = [
        one for one in services if examining.can_be_examined(one) and _is_reached(seen[one.name])
    ]
    told = examining.examine(able, timeout) if able else {}
    found = []
    for service in services:
        found += seen[service.name]
        subject = f"service {service.name}"
        one = told.get(service.name)
        if one is not None:
            found += _of_examined(subject, service, one)
        elif not seen[service.name]:
            found.append(findings.ok(subject, f"{service.settings.word}: nobody has to be asked"))
    return found


def _of_examined(subject: str, service: Service, one: Examined) -> list[Finding]:
    if not one.wrong:
        return [findings.ok(subject, f"is as it should be{_clock(one.offset)}", one.seconds)]
    page = PAGES[service.settings.word]
    advice = f"look at services.{service.name}; docs/services/{page}.md says more"
    return [findings.fault(subject, Cause.SERVICE_FAULT, text, advice) for text in one.wrong]


def holders(
    config: Configuration, devices: Mapping[str, int], assigned: Mapping[str, int]
) -> list[Finding]:
    """
    Return how many people have each factor that a service checks.

    Args:
        config: Checked.
        devices: How many people have a device of each kind.
        assigned: How many people are assigned to each service.
    """
    return [
        _of_factor(factor, devices, assigned)
        for factor in config.factors.upstream
        if factor.is_service
    ]


def _of_factor(
    factor: UpstreamFactor, devices: Mapping[str, int], assigned: Mapping[str, int]
) -> Finding:
    subject = f"factor {factor.name}"
    if factor.needs:
        count = devices.get(factor.needs, 0)
        people = common.count(range(count), "user")
        text = f"{people} with a device of kind {factor.needs}"
        # Without it the key would be one that is checked here.
        remote = " --remote" if factor.needs == "yubikey" else ""
        advice = f"radiusmfa token enroll USER --type {factor.needs}{remote}"
    else:
        count = assigned.get(factor.upstream, 0)
        text = f"{common.count(range(count), 'user')} assigned to service {factor.upstream}"
        if factor.users is Users.EVERYONE:
            return findings.ok(subject, f"everybody without a token of ours; {text}")
        advice = f"radiusmfa user upstream USER {factor.upstream}"
    if count:
        return findings.ok(subject, text)
    return findings.note(subject, Cause.NOBODY_HAS_IT, text, advice)


def _clock(offset: float | None) -> str:
    if offset is None:
        return ""
    if abs(offset) < _NOTABLE_OFFSET:
        return "; its clock is ours"
    return f"; its clock is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} ours"


def _of_no_protection(subject: str) -> Finding:
    return findings.note(
        subject,
        Cause.UNPROTECTED,
        "is asked WITHOUT TLS: whoever sits on the path can say yes to anything",
        "write https://",
    )


def _is_reached(found: list[Finding]) -> bool:
    # Where several servers are asked, one is enough to look at all of it.
    return not found or any(one.level is Level.OK for one in found)
