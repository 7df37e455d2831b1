"""Tests of `radiusmfa.config.dialogues`, of conf/dialogues, conf/prompts and docs/dialogues.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from radiusmfa.config import dialogues
from radiusmfa.config.upstream_model import (
    AliveCheck,
    Codec,
    Dialogue,
    Event,
    Prompts,
    Rule,
    StartWith,
)
from radiusmfa.interfaces import ConfigError
from radiusmfa.upstream import dialogue
from radiusmfa.wire import codec, vendor

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = (ROOT / "docs" / "dialogues.md").read_text(encoding="utf-8")
ACCEPT, REJECT, CHALLENGE = 2, 3, 11
WAITING: Final = {"vip", "onespan", "nps", "duo-proxy"}
# Cisco's defaults of `proxy-auth_map sdi`.
ASA: Final = (
    "Enter Next PASSCODE",
    "Please remember your new PIN",
    "Do you want to enter your own pin",
    "Enter your new Alpha-Numerical PIN",
    "Reenter PIN:",
    "New PIN Accepted",
    "new PIN with the next card code",
    "ACCEPT A SYSTEM GENERATED PIN",
)
CITRIX: Final = {"CHANGE_PIN_USER", "CHANGE_PIN_EITHER", "NEXT_TOKENCODE", "SYSTEM_PIN_READY"}
MENU: Final = (
    "Duo two-factor login for alice\n\nEnter a passcode or select one of the following options:\n\n"
    " 1. Duo Push to XXX-XXX-0100\n 2. Phone call to XXX-XXX-0100\n"
    " 3. SMS passcodes to XXX-XXX-0100 (next code starts with: 2)\n\nPasscode or option (1-3): "
)


def _parse(text: str) -> Dialogue:
    return dialogues.parse(text.encode(), "my.yaml", "my")


def _faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _parse(text)
    return list(caught.value.faults)


def _packet(code: int, attributes: bytes) -> codec.Packet:
    size = 20 + len(attributes)
    return codec.decode(bytes((code, 7, size >> 8, size & 255)) + bytes(16) + attributes)


def _event(name: str, code: int, text: str, more: bytes = b"") -> Event:
    reader = dialogue.Reader(dialogues.shipped(name), Codec.UTF_8)
    message = codec.attribute(18, text.encode()) if text else b""
    return reader.event(_packet(code, message + more))


def _state(text: str) -> bytes:
    return codec.attribute(24, text.encode())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("waits: perhaps", "my.yaml:1:8: waits: must be yes or no"),
        ("patience: 301", "my.yaml:1:11: patience: must be a whole number from 1 to 300"),
        ("patience: 0", "my.yaml:1:11: patience: must be a whole number from 1 to 300"),
        (
            "alive_check: ping",
            "my.yaml:1:14: alive_check: must be status-server, access-request or none",
        ),
        ("start_with: word", "my.yaml:1:13: start_with: needs a word: say which in `word`"),
        ("name: my", "my.yaml:1:1: name: is no setting"),
        ("patiense: 5", "my.yaml:1:1: patiense: is no setting; did you mean patience?"),
        ('prompt: "a\\nb"', "my.yaml:1:9: prompt: must not hold control characters"),
        ("rules: code-wanted", "my.yaml:1:8: rules: must be a list, as [one, two]"),
        ("- 1", "my.yaml:1:1: the file must hold settings, as `name: value`"),
        ("", "my.yaml:1:1: the file holds no settings"),
    ],
)
def test_wrong_setting_is_a_fault_with_its_place(text: str, fault: str) -> None:
    """What is wrong in a dialogue is shown with file, line and column."""
    assert _faults(text) == [fault]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("code: reject", ":10: rules[0].event: is missing"),
        ("event: denied", ":10: rules[0]: must say when: code, words or attributes"),
        ("event: denied, code: deny", ":32: rules[0].code: must be any, accept, reject or challen"),
        (
            "event: denied, code: any, word: x",
            ":37: rules[0].word: is no setting; did you mean words?",
        ),
        ("event: denied, words: []", ":33: rules[0].words: must hold at least one text"),
        ("event: denied, words: [a, ' ']", ":37: rules[0].words[1]: must be a text: not empty"),
        ('event: denied, words: "a\\tb"', ":33: rules[0].words: must be a text: not empty"),
        ("event: denied, words: {a: b}", ":33: rules[0].words: must be one value"),
        ("event: denied, words: ", ":33: rules[0].words: has no value"),
        ("event: denied, attributes: State", ":38: rules[0].attributes: must name attributes"),
        ("event: denied, attributes: {}", ":38: rules[0].attributes: must name attributes"),
        (
            "event: denied, attributes: {Stat: x}",
            ":39: rules[0].attributes.Stat: no dictionary has this attribute; did you mean State?",
        ),
        (
            "event: denied, attributes: {Stat: ''}",
            ":39: rules[0].attributes.Stat: no dictionary has this attribute; did you mean State?",
        ),
        ("event: denied, attributes: {Prompt: loud}", ":39: rules[0].attributes.Prompt: must be a"),
        ("event: denied, attributes: {State: }", ":46: rules[0].attributes.State: has no value"),
        ("event: denied, attributes: {User-Password: x}", ":39: rules[0].attributes.User-Password"),
    ],
)
def test_wrong_rule_is_a_fault_with_its_place(rule: str, fault: str) -> None:
    """What is wrong in a rule is shown once, with its place."""
    (found,) = _faults(f"rules: [ {{{rule}}}]")
    assert found.startswith(f"my.yaml:1{fault}")


def test_unknown_event_is_a_fault() -> None:
    """An event that there is not is a fault that names those there are."""
    (fault,) = _faults("rules:\n  - {event: new-pin-wantd, code: any}\n")
    assert fault.startswith("my.yaml:2:13: rules[0].event: must be code-wanted, next-code-wanted,")
    assert fault.endswith("or other; did you mean new-pin-wanted?")


def test_rule_that_is_no_mapping_is_one_fault() -> None:
    """A text in place of a rule is one fault, not three."""
    assert _faults("rules: [denied]") == [
        "my.yaml:1:9: rules[0]: must hold settings, as {name: value}"
    ]


def test_every_fault_is_shown_at_once() -> None:
    """A person corrects a file once, not once a fault."""
    assert len(_faults("waits: 1\npatience: x\nrules: [{event: x}, {code: any}]\n")) == 5


def test_file_of_the_site_has_its_own_name_in_its_faults(tmp_path: Path) -> None:
    """A fault in a site's file names that file, not the configuration."""
    path = tmp_path / "rsa.yaml"
    path.write_text("waits: yes\nrule: []\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        dialogues.from_file(path)
    assert caught.value.faults == (f"{path}:2:1: rule: is no setting; did you mean rules?",)


def test_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """A missing file and a folder are faults with their name."""
    for path, what in ((tmp_path / "no.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}: {what}"):
            dialogues.from_file(path)


def test_file_too_large_is_a_fault(tmp_path: Path) -> None:
    """A file that is no dialogue but a disk image is not read to its end."""
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match="larger than 1048576 octets"):
        dialogues.from_file(path)


def test_unknown_name_is_a_fault_that_names_those_there_are() -> None:
    """Who asks for a dialogue that does not come with us is told which do."""
    with pytest.raises(ConfigError, match=r"no dialogue is called 'rsa' \(known: duo-proxy, gener"):
        dialogues.shipped("rsa")


def test_settings_are_read(tmp_path: Path) -> None:
    """Each setting of a file is in the dialogue, which is called as the file is."""
    path = tmp_path / "my.yaml"
    path.write_text(
        "waits: yes\npatience: 65\nalive_check: none\nstart_with: word\nword: push\nprompt: 'K: '\n"
        "rules:\n"
        "  - {event: locked, code: reject, words: [a, b]}\n"
        "  - {event: code-wanted, code: any, words: c}\n"
        '  - {event: other, code: accept, attributes: {State: "", Prompt: Echo}}\n',
        encoding="utf-8",
    )
    assert dialogues.from_file(path) == Dialogue(
        name="my",
        waits=True,
        patience=65,
        alive_check=AliveCheck.NONE,
        start_with=StartWith.WORD,
        word="push",
        prompt="K: ",
        rules=(
            Rule(event=Event.LOCKED, code=REJECT, words=("a", "b")),
            Rule(event=Event.CODE_WANTED, words=("c",)),
            Rule(event=Event.OTHER, code=ACCEPT, attributes=(("State", ""), ("Prompt", "Echo"))),
        ),
    )


def test_nothing_set_is_the_default() -> None:
    """A file with rules only has the defaults of the model."""
    rule = Rule(event=Event.DENIED, code=CHALLENGE)
    assert _parse("rules: [{event: denied, code: challenge}]") == Dialogue(name="my", rules=(rule,))


def test_names_are_those_of_the_files() -> None:
    """The dialogues that come with us are the files in conf/dialogues."""
    files = sorted(path.stem for path in (ROOT / "conf" / "dialogues").iterdir())
    assert list(dialogues.names()) == files
    assert set(files) == {"generic", "securid", *WAITING}


@pytest.mark.parametrize("name", dialogues.names())
def test_shipped_dialogue_suits_its_server(name: str) -> None:
    """Servers that push may be silent for a minute; only the unknown one is sent Status-Server."""
    found = dialogues.shipped(name)
    assert found.name == name
    assert (found.waits, found.patience) == ((True, 65) if name in WAITING else (False, 10))
    usual = AliveCheck.STATUS_SERVER if name == "generic" else AliveCheck.ACCESS_REQUEST
    assert found.alive_check is usual
    assert found.start_with is (StartWith.PASSWORD if name == "nps" else StartWith.CODE)
    assert dialogues.shipped(name) is found


def test_generic_dialogue_has_the_defaults_of_the_model() -> None:
    """`generic`, which an upstream has that names none, changes no default."""
    found = dialogues.shipped("generic")
    assert Dialogue(name="generic", rules=found.rules) == found


# (what, text, event): known from RSA, FreeRADIUS' module, and what an ASA or Citrix looks for.
SECURID: Final = [
    (
        "\r\nWait for token to change,\r\nthen enter the new tokencode:",
        Event.NEXT_CODE_WANTED,
    ),
    ("Enter a new PIN having from 4 to 8 alphanumeric characters:", Event.NEW_PIN_WANTED),
    ("Enter a new PIN having from 4 to 8 digits:", Event.NEW_PIN_WANTED),
    ("Please re-enter new PIN:", Event.PIN_CONFIRM_WANTED),
    (
        "PIN Accepted.\r\nWait for the token code to change,\r\nthen enter the new passcode:",
        Event.PIN_ACCEPTED,
    ),
    ("Are you prepared to have the system generate your PIN?", Event.SYSTEM_PIN_OFFERED),
    ("Please Enter the Next Code from Your Token:", Event.NEXT_CODE_WANTED),
    ("Enter your new PIN of 4 to 8 digits, or Ctrl-D to cancel", Event.NEW_PIN_WANTED),
    (
        "Enter your new PIN of 4 to 8 alphanumeric characters, or Ctrl-D to cancel",
        Event.NEW_PIN_WANTED,
    ),
    (
        "Pins do not match--Please try again.\nEnter your new PIN of 4 to 8 digits",
        Event.PIN_REJECTED,
    ),
    ("Pin Rejected. Enter your new PIN of 4 to 8 digits", Event.PIN_REJECTED),
    (
        "Are you prepared to accept a new system-generated PIN [y/n]?",
        Event.SYSTEM_PIN_OFFERED,
    ),
    ("Your new PIN is: 483920\nDo you accept this [y/n]?", Event.PIN_SHOWN),
    ("The system-generated PIN is 483920. Do you accept it?", Event.PIN_SHOWN),
    (
        "Press 'y' to generate a new PIN\nOR\n'n' to enter a new PIN yourself [y/n]",
        Event.CHOICE_WANTED,
    ),
    (
        "Pin Accepted. Wait for the code on your card to change,\nthen enter new PIN and TokenCode",
        Event.PIN_ACCEPTED,
    ),
    ("Enter Next PASSCODE", Event.NEXT_CODE_WANTED),
    ("Please remember your new PIN 483920", Event.PIN_SHOWN),
    ("Do you want to enter your own pin", Event.PIN_CHOICE_WANTED),
    ("Enter your new Alpha-Numerical PIN", Event.NEW_PIN_WANTED),
    ("Reenter PIN:", Event.PIN_CONFIRM_WANTED),
    ("New PIN Accepted", Event.PIN_ACCEPTED),
    ("new PIN with the next card code", Event.PIN_ACCEPTED),
    ("ACCEPT A SYSTEM GENERATED PIN", Event.SYSTEM_PIN_OFFERED),
    ("Enter PASSCODE:", Event.CODE_WANTED),
    ("Bitte warten", Event.OTHER),
]


@pytest.mark.parametrize("name", ["securid", "generic"])
@pytest.mark.parametrize(("text", "event"), SECURID)
def test_securid_texts_are_known(text: str, event: Event, name: str) -> None:
    """Each text that SecurID servers are known to send names its event, also by `generic`."""
    assert _event(name, CHALLENGE, text) is event


@pytest.mark.parametrize(
    ("name", "code", "text", "event"),
    [
        ("securid", CHALLENGE, "CHANGE_PIN_USER", Event.NEW_PIN_WANTED),
        ("securid", CHALLENGE, "CHANGE_PIN_EITHER", Event.PIN_CHOICE_WANTED),
        ("securid", CHALLENGE, "NEXT_TOKENCODE", Event.NEXT_CODE_WANTED),
        ("securid", CHALLENGE, "SYSTEM_PIN_READY", Event.SYSTEM_PIN_OFFERED),
        ("securid", CHALLENGE, "Enter next token code:", Event.NEXT_CODE_WANTED),
        ("securid", CHALLENGE, "1 Approve\n2 Authenticate Tokencode", Event.CHOICE_WANTED),
        ("securid", REJECT, "Access denied", Event.DENIED),
        ("securid", REJECT, "", Event.DENIED),
        ("securid", REJECT, "Your token is locked", Event.LOCKED),
        ("securid", REJECT, "Enter a new PIN later", Event.DENIED),
        ("securid", ACCEPT, "Enter PASSCODE:", Event.OTHER),
        ("vip", CHALLENGE, "Enter your security code", Event.CODE_WANTED),
        ("vip", CHALLENGE, "A security code was sent to you", Event.CODE_SENT),
        ("vip", REJECT, "Push is locked", Event.LOCKED),
        ("onespan", CHALLENGE, "Enter response to challenge: 482913", Event.RESPONSE_WANTED),
        ("onespan", CHALLENGE, "Enter your one-time password", Event.CODE_WANTED),
        ("onespan", CHALLENGE, "A one-time password was sent", Event.CODE_SENT),
        ("onespan", REJECT, "A one-time password was sent", Event.CODE_SENT),
        ("nps", CHALLENGE, "Enter Your Microsoft verification code", Event.CODE_WANTED),
        ("nps", CHALLENGE, "Geben Sie Ihren Code ein", Event.CODE_WANTED),
        ("nps", REJECT, "", Event.DENIED),
        ("duo-proxy", CHALLENGE, MENU[-253:], Event.CHOICE_WANTED),
        ("duo-proxy", CHALLENGE, MENU[:120], Event.CHOICE_WANTED),
        ("duo-proxy", CHALLENGE, MENU[:120].replace("\n", "<br>"), Event.CHOICE_WANTED),
        (
            "duo-proxy",
            CHALLENGE,
            "choose a secondary factor from ('push1', 'phone1', 'sms1') or enter passcode",
            Event.CHOICE_WANTED,
        ),
        ("duo-proxy", CHALLENGE, "Enter passcode:", Event.CODE_WANTED),
        (
            "duo-proxy",
            CHALLENGE,
            "Please enroll at https://api.example.com/x",
            Event.ENROLMENT_WANTED,
        ),
        ("duo-proxy", REJECT, "Finish enrollment and log in again", Event.ENROLMENT_WANTED),
        ("duo-proxy", REJECT, "New SMS passcodes sent.", Event.CODE_SENT),
        ("duo-proxy", REJECT, "Unknown Challenge", Event.DENIED),
        ("duo-proxy", REJECT, "Your account is locked", Event.LOCKED),
        ("generic", CHALLENGE, MENU[:120], Event.CHOICE_WANTED),
        ("generic", CHALLENGE, "Enter response to challenge: 482913", Event.RESPONSE_WANTED),
        ("generic", CHALLENGE, "Enter Your Microsoft verification code", Event.CODE_WANTED),
        ("generic", CHALLENGE, "Push sent to your phone", Event.PUSH_SENT),
        ("generic", CHALLENGE, "Please enroll at https://example.com/x", Event.ENROLMENT_WANTED),
        ("generic", REJECT, "Your password has expired", Event.PASSWORD_EXPIRED),
        ("generic", REJECT, "No", Event.DENIED),
        ("generic", ACCEPT, "Welcome", Event.OTHER),
    ],
)
def test_texts_of_other_servers_are_known(name: str, code: int, text: str, event: Event) -> None:
    """Each text that a server is known to send names its event; a Reject wants nothing."""
    assert _event(name, code, text) is event


@pytest.mark.parametrize("name", ["generic", "onespan", "nps", "duo-proxy"])
def test_expired_password_of_mschap_is_known(name: str) -> None:
    """MS-CHAP-Error 648 (RFC 2548 section 2.1.5) is an expired password, 691 is a denial."""
    expired = vendor.encode(311, 2, b"\x01E=648 R=0 C=00112233445566778899aabbccddeeff V=3")
    assert _event(name, REJECT, "", expired) is Event.PASSWORD_EXPIRED
    denied = vendor.encode(311, 2, b"\x01E=691 R=0 V=3")
    assert _event(name, REJECT, "", denied) is Event.DENIED


@pytest.mark.parametrize(
    ("step", "event"),
    [
        ("SECURID_NEWPIN", Event.NEW_PIN_WANTED),
        ("SECURID_NEWPIN_CONFIRM", Event.PIN_CONFIRM_WANTED),
        ("SECURID_NEXT_TOKENCODE", Event.NEXT_CODE_WANTED),
        ("SECURID_SYSTEM_GENERATED_PIN", Event.PIN_SHOWN),
        ("SECURID", Event.OTHER),
    ],
)
def test_step_in_the_state_is_known_where_the_text_is_not(step: str, event: Event) -> None:
    """A translated prompt of Authentication Manager 8.6 is known by its State; known words win."""
    state = _state(f"RSA|6b8c|77aa|{step}")
    assert _event("securid", CHALLENGE, "Bitte eingeben", state) is event
    assert _event("securid", CHALLENGE, "Reenter PIN:", state) is Event.PIN_CONFIRM_WANTED
    assert _event("securid", CHALLENGE, "Bitte eingeben", _state("SBR-CH 3|1")) is Event.OTHER


def test_relay_has_no_texts() -> None:
    """`relay` leaves every text as the server wrote it."""
    assert dict(dialogues.prompt_texts(Prompts.RELAY)) == {}


@pytest.mark.parametrize("style", [style for style in Prompts if style is not Prompts.RELAY])
def test_texts_keep_what_only_the_server_knows(style: Prompts) -> None:
    """A PIN, a menu, digits and an address reach the user in every style."""
    texts = dialogues.prompt_texts(style)
    assert texts
    for event in (Event.PIN_SHOWN, Event.CHOICE_WANTED, Event.RESPONSE_WANTED, Event.OTHER):
        assert "Digits: 4711" in dialogue.shown(event, "Digits: 4711", texts)


@pytest.mark.parametrize(("event", "text"), dialogues.prompt_texts(Prompts.ASA_SDI).items())
def test_asa_finds_exactly_one_of_its_texts(event: Event, text: str) -> None:
    """An ASA knows each of our texts, and takes none for another one."""
    assert len([known for known in ASA if known in text]) == 1, event


@pytest.mark.parametrize("style", [Prompts.ASA_SDI, Prompts.CITRIX_WI])
def test_texts_for_clients_of_securid_name_the_same_event(style: Prompts) -> None:
    """What we tell such a client means what the server meant, save that a PIN is asked again."""
    for event, text in dialogues.prompt_texts(style).items():
        if event is not Event.PIN_REJECTED:
            assert _event("securid", CHALLENGE, text) is event


def test_citrix_gets_its_words_alone() -> None:
    """The Web Interface gets exactly one of the four words that it knows."""
    assert set(dialogues.prompt_texts(Prompts.CITRIX_WI).values()) == CITRIX


def test_plain_texts_are_short() -> None:
    """`plain` fits a display of 64 characters."""
    assert all(len(text) <= 64 for text in dialogues.prompt_texts(Prompts.PLAIN).values())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("pin-shown: Your PIN", "p.yaml:1:12: pin-shown: must hold {text}: what it says stands"),
        ("other: Hm", "p.yaml:1:8: other: must hold {text}"),
        ("denied: '{user}'", "p.yaml:1:9: denied: only {text} may stand in braces"),
        ("code-wantd: x", "p.yaml:1:1: code-wantd: is no setting; did you mean code-wanted?"),
        ("code-wanted:", "p.yaml:1:13: code-wanted: has no value"),
    ],
)
def test_wrong_prompt_is_a_fault(text: str, fault: str) -> None:
    """A text that would hide a PIN, or that cannot be filled in, is a fault."""
    with pytest.raises(ConfigError) as caught:
        dialogues.parse_prompts(text.encode(), "p.yaml")
    (found,) = caught.value.faults
    assert found.startswith(fault)


def test_example_of_the_page_loads() -> None:
    """The example in docs/dialogues.md is a dialogue, and has every setting there is."""
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    found = _parse(example)
    assert (found.waits, found.word, len(found.rules)) == (True, "push", 5)
    for name in Dialogue.__slots__:
        assert name == "name" or re.search(rf"^{name}:", example, re.MULTILINE), name


def test_page_explains_every_event_style_and_dialogue() -> None:
    """The page has a row for each event and style, and names each dialogue."""
    for word in (*Event, *Prompts):
        assert f"\n| `{word}` |" in PAGE
    for name in dialogues.names():
        assert f"`{name}`" in PAGE
