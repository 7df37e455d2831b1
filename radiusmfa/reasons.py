"""What each reason means, in words for a helpdesk: one list, for `why`, `try` and the manual."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from radiusmfa.outcome import Reason


@unique
class Kind(StrEnum):
    """What becomes of a login for that reason, as audit lines call it."""

    ACCEPT = "accept"
    CHALLENGE = "challenge"
    REJECT = "reject"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """
    A reason in plain words; commands and settings stand in backquotes.

    Attributes:
        kind: What becomes of the login.
        meaning: What happened.
        told: What the helpdesk may tell whoever logs in; the device shows less.
        advice: What the helpdesk does; empty: nothing has to be done.
    """

    kind: Kind
    meaning: str
    told: str
    advice: str = ""


def _accept(meaning: str, told: str, advice: str = "") -> Explanation:
    return Explanation(kind=Kind.ACCEPT, meaning=meaning, told=told, advice=advice)


def _challenge(meaning: str, told: str, advice: str = "") -> Explanation:
    return Explanation(kind=Kind.CHALLENGE, meaning=meaning, told=told, advice=advice)


def _reject(meaning: str, told: str, advice: str) -> Explanation:
    return Explanation(kind=Kind.REJECT, meaning=meaning, told=told, advice=advice)


def _silence(meaning: str, told: str, advice: str) -> Explanation:
    return Explanation(kind=Kind.SILENCE, meaning=meaning, told=told, advice=advice)


# By text, not by Reason: an audit line may come from another version.
EXPLANATIONS: Final[dict[str, Explanation]] = {
    Reason.PASSED: _accept(
        "Every proof that was asked for was right.",
        "The login worked; if there is still no access, the device is to blame.",
    ),
    Reason.PASSWORD_ONLY: _accept(
        "The password was right, and the user is exempt from the second factor.",
        "No code is asked of this account.",
    ),
    Reason.RESYNCHRONIZED: _accept(
        "Two consecutive codes were right: the token's clock or counter is known anew.",
        "The token is in step again; one code is enough from now on.",
    ),
    Reason.PASSED_INSTEAD: _accept(
        "Another factor counted, because the servers of the user's own one were gone.",
        "The usual token server is down; the other token counts until it is back.",
        "Bring those servers back: `radiusmfa doctor` says what is wrong with them.",
    ),
    Reason.REMEMBERED: _accept(
        "The password was right, and the second factor was passed a short while ago.",
        "For some time after a right code no new one is asked for.",
    ),
    Reason.FACTOR_SKIPPED: _accept(
        "The password was right, and the policy asks for no second factor.",
        "This login needs no code.",
    ),
    Reason.NOT_ENROLLED_YET: _accept(
        "The password was right; the user has no token yet, and may be without one for now.",
        "Get a token soon: after the last day of grace the password alone is refused.",
        "Give the user a token before that day: `radiusmfa token enroll NAME`.",
    ),
    Reason.FAILED_OPEN: _accept(
        "The service of the second factor could not be asked, and `open_until` let the user in.",
        "The login worked without a second factor, for once.",
        "Nobody has proved a second factor: see why the service is gone, and end `open_until`.",
    ),
    Reason.PASSCODE_WANTED: _challenge(
        "The user is asked for a code, for the first time or again after a wrong one.",
        "Type the code that the token or the phone shows now.",
    ),
    Reason.NEXT_PASSCODE_WANTED: _challenge(
        "The code is far from where the token should be: the one after it has to prove it.",
        "Wait until the token shows a new code, and type that one.",
    ),
    Reason.OTHER_PASSCODE_WANTED: _challenge(
        "The servers of the user's token are gone; a code of another token is asked for.",
        "Type a code of your other token, or a recovery code.",
        "Why does the token server not answer? `radiusmfa doctor`",
    ),
    Reason.UPSTREAM_ASKS: _challenge(
        "The token server asks for more: a code, a new PIN, a choice, or patience.",
        "Answer what the screen asks.",
    ),
    Reason.PASSWORD_WANTED: _challenge(
        "The code was right; the user is asked for the password.",
        "Type the password now.",
    ),
    Reason.NO_USER_NAME: _reject(
        "The request names no user.",
        "The device sent no name: begin again, and type the name first.",
        "Look at the client: it must send User-Name.",
    ),
    Reason.BAD_USER_NAME: _reject(
        "Nobody can have that name: it is empty, too long, or holds what is no text.",
        "Type the name by hand; do not paste it.",
        "If it was typed well, look at how the client encodes it: it must be UTF-8.",
    ),
    Reason.NO_CREDENTIALS: _reject(
        "The request holds no password and no other proof.",
        "Nothing arrived as the password: type it, and try again.",
        "Look at the method that the client uses: it must be PAP.",
    ),
    Reason.TWO_CREDENTIALS: _reject(
        "The request holds two kinds of proof at once.",
        "The device asks for two things at once; nothing that is typed will help.",
        "Set the client to one method, PAP.",
    ),
    Reason.DUPLICATE_ATTRIBUTE: _reject(
        "An attribute stands twice in the request that may stand there once.",
        "The device's request was not in order; its administrator has to look at it.",
        "Look at the client, and at each proxy before it.",
    ),
    Reason.BAD_USER_PASSWORD: _reject(
        "What should be the hidden password has a length that none can have.",
        "The password did not arrive whole: try once more.",
        "Is the client's firmware up to date? RFC 2865 section 5.2 says how it is done.",
    ),
    Reason.UNSUPPORTED_METHOD: _reject(
        "The client uses EAP, or CHAP or MS-CHAP where no upstream checks it.",
        "The device asks in a way that is not served here.",
        "Set the client to PAP, or let an upstream check the password.",
    ),
    Reason.UNKNOWN_STATE: _reject(
        "The question has ended, was answered, or is another user's or client's.",
        "The answer came too late, or twice: log in again from the start.",
        "If it happens often: is `challenges.lifetime` too short for people?",
    ),
    Reason.UNKNOWN_USER: _reject(
        "Nobody of that name is known.",
        "Check how the name is spelled.",
        "If it is right: `radiusmfa user add NAME`, or look for it in the directory.",
    ),
    Reason.USER_DISABLED: _reject(
        "An administrator has disabled the user.",
        "The account is switched off; whoever is responsible for it can say why.",
        "To let the user in again: `radiusmfa user enable NAME`.",
    ),
    Reason.LOCKED: _reject(
        "There were too many wrong proofs in a row; even a right one has to wait.",
        "Wait some minutes, then try once, with care.",
        "`radiusmfa user show NAME` says until when; `radiusmfa user unlock NAME` ends it.",
    ),
    Reason.NO_PASSWORD: _reject(
        "The user has no password here, and this client asks for one.",
        "A password has to be set before the first login.",
        "Set one: `radiusmfa user password NAME`.",
    ),
    Reason.BAD_PASSWORD: _reject(
        "The password was wrong.",
        "Type the password again; mind caps lock and the keyboard's language.",
        "If it is forgotten: `radiusmfa user password NAME`, or a new one in the directory.",
    ),
    Reason.NOT_ENROLLED: _reject(
        "The user has nothing that counts here: no active token, no recovery code, no service.",
        "A token has to be set up before the first login.",
        "`radiusmfa token enroll NAME`, or for Duo and the like `radiusmfa user upstream`.",
    ),
    Reason.BAD_PASSCODE: _reject(
        "No token of the user shows that code now.",
        "Type the code that is shown now, before it changes.",
        "Is the phone's clock right? Then: `radiusmfa token resync SERIAL`.",
    ),
    Reason.REPLAYED_PASSCODE: _reject(
        "That code, or a later one, was used before.",
        "Wait for the next code: each one opens one door once.",
        "If it was typed once only, the client sends it again as a login of its own.",
    ),
    Reason.UPSTREAM_REFUSED: _reject(
        "The server that checks the password or the code said no.",
        "Password or code was wrong, or that server has locked the account.",
        "Its own log says why; `radiusmfa probe USER --upstream NAME` asks a RADIUS server.",
    ),
    Reason.UNANSWERED: _reject(
        "The token server is there, and gave no answer: most often nobody tapped the phone.",
        "Log in again with the phone in your hand, and approve there.",
        "Too little time? `time_budget` here and at the client, `patience` of the upstream.",
    ),
    Reason.PERSON_REFUSED: _reject(
        "The person was asked on their device, and said no.",
        "Somebody said no on your phone. Was it not you who logged in? Then say so at once.",
        "Ask the person: if they did not log in, their password is known to somebody else.",
    ),
    Reason.FRAUD_REPORTED: _reject(
        "The person was asked on their device, and reported that it was not them.",
        "You reported that this login was not yours; change your password now.",
        "Somebody else knows the password: change it, and find out where the request came from.",
    ),
    Reason.CODE_EXPIRED: _reject(
        "The code that was sent is too old, or a newer one was sent.",
        "That code has ended: log in again, and type the newest one.",
        "If messages come late, raise `lifetime` of the service's codes.",
    ),
    Reason.NO_USABLE_DEVICE: _reject(
        "The person has no device there that can do what was asked for.",
        "Your device cannot do that: choose another way, or have one set up.",
        "See which devices the service has for the person; `radiusmfa user show NAME` shows ours.",
    ),
    Reason.NOTHING_PROVED: _reject(
        "The service lets the person pass unasked, and no password is checked here either.",
        "This login needs a proof: type a code, or have your phone asked.",
        "End the bypass at the service: a bypass code, or a factor of ours, does as well.",
    ),
    Reason.TOO_LITTLE_TIME: _reject(
        "The client gives up before a person could answer, and cannot show a question.",
        "There is no time to tap the phone here: type a code with the password.",
        "Raise the timeout of the client and `time_budget`, or let it use codes.",
    ),
    Reason.CALL_OPEN: _reject(
        "Another login of the person waits for an answer on their device.",
        "Answer what your phone shows first, or wait a minute.",
        "If the person has not begun two logins, somebody else has their password.",
    ),
    Reason.CALL_LIMIT: _reject(
        "The person, or everybody together, was called or sent something too often lately.",
        "Too many requests went to your phone; wait, or use a code.",
        "`radiusmfa audit search --user NAME` shows who causes so many; `limits` of the service.",
    ),
    Reason.COOLING_DOWN: _reject(
        "The person said no a short while ago, and is left alone for some time.",
        "You said no a moment ago; wait a minute, or use a code.",
        "If it was a slip, `radiusmfa user unlock NAME` ends the wait.",
    ),
    Reason.CHALLENGE_NOT_SHOWN: _reject(
        "The upstream asks something, and this client cannot show it.",
        "Log in at a place that shows questions; a new PIN can be set there.",
        "See `shows_challenges` and `mode` of the client.",
    ),
    Reason.TEXT_NOT_WRITABLE: _reject(
        "Name or password hold what the upstream's `codec`, or a packet, cannot hold.",
        "Does the password hold signs that the other server does not know?",
        "See `codec` and `user_name` of the upstream.",
    ),
    Reason.AMBIGUOUS_USER: _reject(
        "The directory has several people of that name, or the store means another one.",
        "Log in with a name that is yours alone, such as your mail address.",
        "One name a person: `user_attributes` of the directory, `radiusmfa user alias`.",
    ),
    Reason.KNOWN_WRONG_PASSWORD: _reject(
        "The same wrong password as a short while ago; the directory was not asked again.",
        "Something may still send an old password: a phone, a mail program.",
        "Find what still sends it, and correct it there.",
    ),
    Reason.ACCOUNT_LOCKED: _reject(
        "The directory has locked the account.",
        "Too many wrong passwords came for this account, here or elsewhere.",
        "Unlock it in the directory, and find out what sent the wrong ones.",
    ),
    Reason.ACCOUNT_DISABLED: _reject(
        "The directory has disabled the account.",
        "The account is closed; whoever runs the directory can say why.",
        "If the person may have access, enable the account in the directory.",
    ),
    Reason.ACCOUNT_EXPIRED: _reject(
        "The account has reached its end in the directory.",
        "The account had a last day, and that day is over.",
        "If the person is still here, set a later day in the directory.",
    ),
    Reason.PASSWORD_EXPIRED: _reject(
        "The directory says that the password is too old.",
        "Choose a new password where that is possible, then log in here.",
        "Somebody sets a new one in the directory; it cannot be done through this login.",
    ),
    Reason.PASSWORD_MUST_CHANGE: _reject(
        "The directory wants a new password before anything else.",
        "The password that you were given is for one use: set your own first.",
        "The person changes it at a workstation, or it is set anew without that mark.",
    ),
    Reason.LOGON_NOT_ALLOWED: _reject(
        "The directory does not let the account log on at this hour, or from here.",
        "The account is for certain hours or places only.",
        "See the account's logon hours and workstations in the directory.",
    ),
    Reason.NO_POLICY: _reject(
        "No policy is for this login, so nobody gets in by it.",
        "This account has no right to log in at this device.",
        "Ask the policies again: `radiusmfa try NAME --client CLIENT`.",
    ),
    Reason.POLICY_DENIES: _reject(
        "A policy that says `deny` fits this login.",
        "Access is closed on purpose; the owner of the rule can say why.",
        "The audit line names the policy; the configuration says whom it fits.",
    ),
    Reason.OTHER_ATTRIBUTES: _reject(
        "The request lacks an attribute, or a value, that the nearest policy asks for.",
        "Log in through the device, or the profile, that is meant for it.",
        "Compare `attributes` of the policy with what the client sends.",
    ),
    Reason.OUTSIDE_NETWORK: _reject(
        "The user is in no network that the nearest policy allows.",
        "Log in from the office, or from another network that is allowed.",
        "Compare the address in the audit line with `from` of the policy.",
    ),
    Reason.OUTSIDE_HOURS: _reject(
        "It is outside the hours that the nearest policy allows, or a holiday.",
        "Log in again at an hour that is allowed.",
        "See `during` of the policy, and zone and holidays of that schedule.",
    ),
    Reason.NOT_IN_GROUP: _reject(
        "In no group that the nearest policy asks for, or no directory knows the name.",
        "Ask whoever owns the group to add you.",
        "Is the name right? Then add the person to the group; that counts for the next login.",
    ),
    Reason.NOT_APPROVED: _reject(
        "The policy asks for an approval, and there is none.",
        "Ask for the approval before you log in.",
        "`radiusmfa approval list` shows those there are; somebody else grants a new one.",
    ),
    Reason.APPROVAL_PENDING: _reject(
        "The approval was asked for, and waits for somebody's yes.",
        "The approval is not given yet.",
        "Remind whoever has to approve; it may take two persons.",
    ),
    Reason.APPROVAL_REJECTED: _reject(
        "The approval was asked for, and refused.",
        "Whoever refused the approval can say why.",
        "See the record; to get in, a new approval is needed.",
    ),
    Reason.APPROVAL_EXPIRED: _reject(
        "The approval has ended.",
        "The time that was approved is over: ask for more.",
        "If it is still needed, somebody grants it anew: `radiusmfa approval grant`.",
    ),
    Reason.APPROVAL_UNAVAILABLE: _reject(
        "The service that knows the approvals could not be asked.",
        "Approvals cannot be looked up at the moment: try again later.",
        "What is wrong with that service? `radiusmfa doctor`",
    ),
    Reason.DIRECTORY_UNREACHABLE: _reject(
        "No server of the directory could be reached.",
        "The directory is down, for everybody: try again later.",
        "`radiusmfa doctor` tests each server of the directory.",
    ),
    Reason.DIRECTORY_SILENT: _reject(
        "The directory gave no answer in time.",
        "The directory is slow: try again in a minute.",
        "Is it overloaded, or does a firewall drop packets? `radiusmfa doctor`",
    ),
    Reason.DIRECTORY_BUSY: _reject(
        "Too many logins wait for the directory.",
        "Many people log in just now: try again shortly.",
        "Why does the directory take so long? `radiusmfa doctor` measures it.",
    ),
    Reason.DIRECTORY_REFUSED: _reject(
        "The directory refuses the account that searches, or its search.",
        "The link to the directory is out of order; another password will not help.",
        "Look at the password and the rights of that account; then `radiusmfa doctor`.",
    ),
    Reason.UPSTREAM_SILENT: _reject(
        "No server of the upstream gave any sign of life.",
        "The token server does not answer: try again later.",
        "`radiusmfa doctor` says what is wrong with its servers.",
    ),
    Reason.UPSTREAM_UNREACHABLE: _reject(
        "Every server of the upstream is known dead, has no address, or refuses.",
        "The token server is down, for everybody who uses it.",
        "`radiusmfa doctor`; a wrong secret looks like that, too, after a while.",
    ),
    Reason.UPSTREAM_BUSY: _reject(
        "As many requests are under way as `ports` allow, or a service wants fewer.",
        "The token server is overrun: wait a minute before the next try.",
        "Why is it slow? If it can do more at once, raise `ports`; a service's limit is its own.",
    ),
    Reason.UPSTREAM_MISCONFIGURED: _reject(
        "The service refuses us: a key, an account or the clock is not right.",
        "The service of your second factor does not work; it is not your fault.",
        "`radiusmfa doctor` says what the service does not like.",
    ),
    Reason.DIALOGUE_LOST: _reject(
        "The server that had asked is gone, and no other can go on.",
        "Begin the login anew.",
        "If it happens again: which server of the upstream stops, and why?",
    ),
    Reason.BAD_CHALLENGE: _reject(
        "The upstream's challenge has no State, or is EAP: nobody can answer it.",
        "The token server asked in a way that cannot be passed on.",
        "See what it sends: `radiusmfa probe USER --upstream NAME`; its vendor has to know.",
    ),
    Reason.BAD_UPSTREAM_REPLY: _reject(
        "The upstream's Accept holds a key that its secret does not open.",
        "The token server said yes, but not in order.",
        "Is the secret the same on both sides? If so, leave the attribute out of `take`.",
    ),
    Reason.TOO_MANY_ROUNDS: _reject(
        "The upstream asked more often in one login than `rounds` allow.",
        "The questions came to no end: stop, and log in once more.",
        "Does the upstream ask in a circle? If not, raise `rounds`.",
    ),
    Reason.PROXY_LOOP: _reject(
        "The request has been here before, or went through more than 20 proxies.",
        "Servers pass the login around in a circle; it is not your fault.",
        "Which upstream sends it back? It must not forward to this server.",
    ),
    Reason.ATTRIBUTE_FAILED: _reject(
        "An attribute of the reply could not be made, or had no room.",
        "All that was typed was right; a setting of the server is not.",
        "The line's detail names it; see `reply` of the client or the policy.",
    ),
    Reason.UNAVAILABLE: _silence(
        "So much waited, or so little could be written, that nothing was decided.",
        "The server was overrun: wait a minute, and log in again.",
        "The log says what was too much; see `passwords.queue` and `challenges.most`.",
    ),
    Reason.BROKEN: _reject(
        "A fault of radiusmfa itself; by it nobody gets in.",
        "The server made a mistake, and wrote it down.",
        "The log has the place: report it.",
    ),
}
