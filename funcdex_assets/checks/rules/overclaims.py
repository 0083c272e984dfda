"""Rules about replies that claim more, or less, than the results and the tools on offer allow.

Belongs here: claims that go beyond the results, successes that are none, refusals of what can be done. Invented values
and hidden failures are in `results.py`. The rules read English, and are silent in other languages.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, find_field_name, has_failed
from funcdex_assets.checks.rules.citations import cites_value, is_citable, tells_value
from funcdex_assets.checks.rules.field_values import read_meaning
from funcdex_assets.checks.rules.requests import find_turn, join_answers
from funcdex_assets.checks.rules.sentences import drop_quotes, is_denied, split_sentences
from funcdex_assets.checks.rules.things import iterate_good_calls
from funcdex_assets.records.conversation import Finding
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name
from funcdex_assets.semantics.vocabulary import TEXT_FORM_WORDS

_SENDING_STATES = frozenset("accepted queued pending sent scheduled processing submitted".split())
_ARRIVED_STATES = frozenset("delivered received read seen opened".split())
_CLAIMS_RECEIPT = re.compile(
    r"\bhas (?:arrived|landed)\b|\bis back on (?:his|her|the|their|your)\b"
    r"|\b(?:everyone|everybody|they all|all of them|he|she|they|the (?:team|group|customer|client|recipient)s?)\b"
    r"[^.!?]{0,30}\b(?:has|have) (?:got |received |seen |read |been (?:told|informed|notified|reached)|your message|"
    r"the message|it\b|it now)"
    r"|\b(?:everyone|everybody|they all|all of them|he|she|they|the (?:team|group|customer|client|recipient)s?)"
    r"(?:(?:'ve|’ve)? (?:all )?(?:been (?:informed|told|notified|reached)"
    r"|(?:got|saw|received|read) (?:it|the|your)\b)| knows? now)"
    r"|\breached (?:everyone|everybody|them|him|her|the (?:team|group|customer|client))\b"
    r"|\b(?:was|were|been|is|are) (?:delivered|received|read|seen)\b(?!-)"
    r"|\b(?:pin|message|template|file|picture|card)\b[^.!?]{0,30}\bis with (?:them|him|her)\b|\bhas the number of\b",
    re.IGNORECASE,
)
_SAID_BEFORE = re.compile(
    r"\b(?:as (?:I )?(?:reported|said|mentioned|noted|told|listed|stated)\b(?! (?:in|by|on|to)\b)"
    r"|(?:reported|said|mentioned|noted|told you|told|listed|stated) "
    r"(?:it |that )?(?:earlier|before|above|already|when)"
    r"|(?<!if )\bI (?:noted|mentioned|said|told you|reported|gave you)\b|earlier (?:on )?(?:I|it showed|it said))",
    re.IGNORECASE,
)
_CANNOT_REACH = re.compile(
    r"\b(?:can't|cannot|can’t|couldn't|couldn’t|unable to) (?:reach|get into|access)\b[^.!?]{0,30}\b"
    r"(?:account|service|mailbox|workspace)\b",
    re.IGNORECASE,
)
_QUOTES_CONTENT = re.compile(
    r"\b(?:In it|It reads|It says|It begins|The text (?:is|reads|says))\b:? [\"“](?P<quoted>[^\"”]+)[\"”]",
    re.IGNORECASE,
)
_CLAIMS_DEED = re.compile(
    r"\b(?:she|he|they|nobody|no one|everyone|everybody|[A-Z][a-z]+) (?:has|have) (?:already |also )?"
    r"(?P<deed>read|seen|opened|approved|confirmed|accepted|received)\b"
)
_CLAIMS_ACT = re.compile(
    r"\bI(?:'ve|’ve| have)? (?:just |also |already )?"
    r"(?P<act>sent|emailed|forwarded|deleted|removed|refunded|cancelled|canceled|invited|shared|booked|scheduled|"
    r"reserved|posted|renamed|archived|uploaded|created)\b",
    re.IGNORECASE,
)
_ACTIONS_OF_ACT: Mapping[str, tuple[str, ...]] = {
    "sent": ("send", "create"),
    "emailed": ("send", "create"),
    "forwarded": ("send",),
    "deleted": ("delete", "update"),
    "removed": ("delete", "update"),
    "refunded": ("create", "delete", "update"),
    "cancelled": ("delete", "update"),
    "canceled": ("delete", "update"),
    "invited": ("send", "create", "update"),
    "shared": ("send", "create", "update"),
    **dict.fromkeys(("booked", "scheduled", "reserved"), ("create", "update")),
    **dict.fromkeys(("created", "uploaded"), ("create", "copy", "update")),
    "posted": ("send", "create"),
    **dict.fromkeys(("renamed", "archived"), ("update",)),
}
_COMMON_WORDS = frozenset(
    "the was is it on when came up at of that this and a an to for in as i you earlier before already had".split()
)
_WORDS = re.compile(r"[\w@.+-]{2,}")
_MOST_COMPARED = 6  # words of a sentence that is said to have been said before
_STEM_LENGTH = 4  # letters by which two forms of a verb are recognised: "approved", "approval"


def overclaim(case: Case) -> Iterator[Finding]:
    """A reply that claims more than any result says.

    Such as that a message arrived where it was only accepted, that somebody did what no result has, that something was
    sent without a call, that something was said before which was not, that an account is out of reach beside calls that
    pass, or a title as the text.

    What is denied, asked or only supposed is no claim: "it has not been delivered", "once Bo has confirmed".
    """
    said: list[str] = []
    for turn in case.turns if case.is_english else ():
        passed = [index for index, _, _ in iterate_good_calls(case) if turn.start <= index < turn.end]
        for index in range(turn.start, turn.end):
            text = case.speech[index]
            if case.messages[index].role != "assistant" or not text:
                continue
            for reason in (
                _find_claimed_receipt(case, passed, text) or _find_claimed_deed(case, text, index),
                _find_claimed_report(case, said, text, index),
                _find_denied_message(case, passed, text),
                _find_claimed_act(case, text, index) or _find_deed_without_calls(case, text),
                _find_lost_account(case, passed, text),
                _find_title_as_text(case, passed, text),
            ):
                if reason:
                    yield Finding(rule="overclaim", message=index, text=reason)
            said.append(text)


def _find_denied_message(case: Case, passed: Sequence[int], text: str) -> str | None:
    """Somebody is said not to have written, and a result of the turn has a message of somebody else than the user."""
    match = _DENIES_MESSAGE.search(drop_quotes(text))
    own = case.situation.persona.email.lower()
    if match is None or not own:
        return None
    for index in passed:
        for holder, _, _ in case.result_objects[index]:
            sender = holder.get("from")
            address = str(sender.get("email", "") if isinstance(sender, dict) else sender or "").lower()
            if "@" in address and address != own:
                return f"{match[0]!r} is said, and there is a message from {address!r}"
    return None


_DENIES_MESSAGE = re.compile(
    r"\b(?:nothing|no (?:reply|answer|word|message|news)) (?:back )?(?:from|by) (?:her|him|them|[A-Z]\w+)\b"
    r"|\b(?:she|he|they) (?:hasn['’]t|has not|haven['’]t|have not) (?:replied|answered|written)\b",
    re.IGNORECASE,
)


def _find_deed_without_calls(case: Case, text: str) -> str | None:
    """A deed of the assistant's own in a conversation in which nothing was called."""
    if any(message.tool_calls for message in case.messages):
        return None
    spoken = drop_quotes(text)
    match = _CLAIMS_ANY_DEED.search(spoken)
    return f"{match[0]!r} is said, and nothing was called" if match and not is_denied(spoken, match) else None


_NO_DEED = "noted understood got seen read heard left kept had been no nothing to only not never a an the".replace(
    " ", "|"
)
_CLAIMS_ANY_DEED = re.compile(
    rf"\bI(?:'ve|’ve| have) (?:just |now |already )?(?!(?:{_NO_DEED})\b)"
    r"(?:\w+ed|taken|put|set|sent|made|done|undone|written|given|brought|cut|found)\b",
    re.IGNORECASE,
)


def _find_claimed_receipt(case: Case, passed: Sequence[int], text: str) -> str | None:
    match = _CLAIMS_RECEIPT.search(drop_quotes(text))
    if match is None or is_denied(drop_quotes(text), match):
        return None
    for index in passed:
        states = {
            str(value).lower()
            for pointer, value in case.result_values[index]
            if "status" in find_field_name(pointer).lower()
        }
        if states & _SENDING_STATES and not states & _ARRIVED_STATES:
            return f"{match[0][:60]!r} is said, and the status is {min(states & _SENDING_STATES)!r}"
    return None


def _find_claimed_deed(case: Case, text: str, index: int) -> str | None:
    """Something that somebody is said to have read, approved or confirmed, and that no result and no user has said."""
    match = _CLAIMS_DEED.search(drop_quotes(text))
    if match is None or is_denied(drop_quotes(text), match):
        return None
    stem = match["deed"][:_STEM_LENGTH]
    stems = (stem, f"un{stem}") if match[0].lower().startswith("no") else (stem,)
    if any(word.startswith(stems) for word in _iterate_known_words(case, index)):
        return None
    return f"{match[0]!r} is said, and nothing says so"


def _iterate_known_words(case: Case, index: int) -> Iterator[str]:
    """Yields the words of what the user said, and of the fields and values of results, before a message."""
    for at in range(index):
        if case.messages[at].role == "user":
            yield from split_words(case.speech[at])
        for pointer, value in case.result_values.get(at, ()):
            yield from split_words(pointer)
            yield from split_words(str(value))


def _find_claimed_act(case: Case, text: str, index: int) -> str | None:
    """Something that the assistant says that it sent or deleted, and that no call did."""
    bare = drop_quotes(text)
    match = _CLAIMS_ACT.search(bare)
    if match is None or is_denied(bare, match):
        return None
    act = match["act"].lower()
    made = [call for at, call, _ in iterate_good_calls(case) if at < index]
    if any(
        parse_tool_name(call.name).action in _ACTIONS_OF_ACT[act] or act[:_STEM_LENGTH] in call.name.lower()
        for call in made
    ):
        return None
    return f"{match[0]!r} is said, and no call did that"


def _find_claimed_report(case: Case, said: Sequence[str], text: str, index: int) -> str | None:
    """Something that the assistant says that it told before, and did not."""
    match = _SAID_BEFORE.search(text)
    if match is None:
        return None
    sentence = next((part for part in split_sentences(text) if match[0] in part), text)
    for at, values in case.result_values.items():
        for pointer, value in values if at < index else ():
            is_told = is_citable(value) and not is_id(find_field_name(pointer))
            if not is_told or not cites_value(case, sentence, pointer, value):
                continue
            if any(tells_value(case, earlier, pointer, value) for earlier in said):
                return None
    earlier_words = {word.strip(".") for earlier in said for word in _WORDS.findall(earlier.lower())}
    claimed = [word for word in _WORDS.findall(sentence.replace(match[0], " ").lower()) if word not in _COMMON_WORDS]
    if claimed and all(word.strip(".") in earlier_words for word in claimed[:_MOST_COMPARED]):
        return None
    return f"{match[0]!r} is said of what was not told before: {sentence[:80]!r}"


def _find_lost_account(case: Case, passed: Sequence[int], text: str) -> str | None:
    """An account that is said to be out of reach, though calls of its service pass in the same turn."""
    match = _CANNOT_REACH.search(text)
    if match is None or not passed:
        return None
    turn = find_turn(case, passed[0])
    failed = {
        _find_toolkit(case, call.name)
        for index, call in case.calls_by_result.items()
        if turn and turn.start <= index < turn.end and (result := case.messages[index].result) and has_failed(result)
    }
    alive = [index for index in passed if not failed or _find_toolkit(case, case.calls_by_result[index].name) in failed]
    return f"{match[0]!r} is said beside {len(alive)} calls that passed" if alive else None


def _find_toolkit(case: Case, name: str) -> str:
    tool = case.tools.get(name)
    return tool.toolkit if tool else ""


def _find_title_as_text(case: Case, passed: Sequence[int], text: str) -> str | None:
    """A title that is given as what a document or message says."""
    for match in _QUOTES_CONTENT.finditer(text):
        quoted = match["quoted"].strip().lower()
        fields = [
            find_field_name(pointer)
            for index in passed
            for pointer, value in case.result_values[index]
            if isinstance(value, str) and value.strip().lower() == quoted
        ]
        if fields and all(read_meaning(name, "x").role == "title" for name in fields):
            return f"{match['quoted'][:60]!r} is a title, and is given as the text"
    return None


class Outcome(NamedTuple):
    """The flags that a verb sets, their value afterwards, and states that it must not leave."""

    flags: frozenset[str]
    value: bool
    undone_states: frozenset[str]


_DONE = Outcome(
    frozenset("completed done checked closed resolved".split()), True, frozenset(("open", "active", "todo"))
)
_LOCKED = Outcome(frozenset(("locked",)), True, frozenset(("unlocked", "open")))
OUTCOMES: Mapping[str, Outcome] = {
    **dict.fromkeys(("complete", "close", "resolve", "finish"), _DONE),
    "reopen": Outcome(_DONE.flags, False, frozenset("closed done completed resolved".split())),
    "archive": Outcome(frozenset(("archived",)), True, frozenset()),
    "unarchive": Outcome(frozenset(("archived",)), False, frozenset(("archived",))),
    "star": Outcome(frozenset(("starred",)), True, frozenset()),
    "unstar": Outcome(frozenset(("starred",)), False, frozenset()),
    "pin": Outcome(frozenset(("pinned",)), True, frozenset()),
    "lock": _LOCKED,
    "unlock": Outcome(frozenset(("locked",)), False, frozenset(("locked",))),
    "enable": Outcome(frozenset(("enabled",)), True, frozenset(("disabled",))),
    "disable": Outcome(frozenset(("enabled",)), False, frozenset(("enabled",))),
    "mute": Outcome(frozenset(("muted",)), True, frozenset()),
    "unmute": Outcome(frozenset(("muted",)), False, frozenset(("muted",))),
    "silence": Outcome(frozenset(("silenced",)), True, frozenset(("firing",))),
    "cancel": Outcome(frozenset("cancelled canceled".split()), True, frozenset("confirmed active booked".split())),
}
_NOTICES = re.compile(
    r"n[’']t\b|\b(?:but|however|still|although|though|not|no|odd|strange|instead|yet|remains?|unchanged|failed)\b",
    re.IGNORECASE,
)


def odd_success(case: Case) -> Iterator[Finding]:
    """A change that the result does not have, reported as made: a task that was completed and has `completed: false`.

    Let pass is a reply that notices it, and another thing within the result than the one that was changed.
    """
    for index, call, _ in iterate_good_calls(case) if case.is_english else ():
        outcome = OUTCOMES.get(parse_tool_name(call.name).verb)
        turn = find_turn(case, index)
        text = join_answers(case, turn, index) if turn and outcome else ""
        if outcome is None or not text or _NOTICES.search(text):
            continue
        for holder, pointer, _ in case.result_objects[index]:
            for key, value in holder.items() if pointer.count("/") <= 1 else ():
                if _is_undone(key, value, outcome):
                    yield Finding(
                        rule="odd_success",
                        message=index,
                        place=f"{pointer}/{key}",
                        text=f"{call.id} {call.name} leaves {key} {value}, and is reported as done",
                    )


def _is_undone(key: str, value: Any, outcome: Outcome) -> bool:
    """True if a field shows that an outcome did not come about."""
    if isinstance(value, bool):
        return bool(set(split_words(key)) & outcome.flags) and value is not outcome.value
    return (
        isinstance(value, str) and value.lower() in outcome.undone_states and read_meaning(key, value).role == "state"
    )


_REFUSES = re.compile(r"\b(?:can't|cannot|can’t|unable|not able|isn't among|not possible|lack)\b", re.IGNORECASE)
_REFUSED = re.compile(
    r"\b(?:can't|cannot|can’t|unable to|not able to|function to|say that I could) ([\w ]{3,40})", re.IGNORECASE
)
_CONDITION = re.compile(
    r"\b(?:without|until|unless|before|yet|more than|longer|if|that (?:far|long)|outside|beyond|in the past|while)\b",
    re.IGNORECASE,
)


def claimed_ability(case: Case) -> Iterator[Finding]:
    """A refusal of what a tool on offer does: the assistant says that it cannot, and names the tool's verb and nouns.

    Or it says what its tools come down to, and leaves out what they have done already in this conversation. Let pass is
    a refusal under a condition, "I can't send an email without an address", and a list that is said to be of examples.
    """
    for turn in case.turns if case.is_english else ():
        last = turn.end - 1
        text = case.speech[last] if case.messages[last].role == "assistant" else ""
        if reason := _find_denied_deed(case, text, last):
            yield Finding(rule="claimed_ability", message=last, text=reason)
            continue
        if any(case.messages[index].tool_calls for index in range(turn.start, turn.end)) or not _REFUSES.search(text):
            continue
        refused = [
            frozenset(map(to_singular, split_words(part)))
            for sentence in split_sentences(text)
            if not _CONDITION.search(sentence)
            for part in _REFUSED.findall(sentence)
        ]
        for name in case.tools:
            parsed = parse_tool_name(name)
            needed = {parsed.verb, *(word for word in parsed.words if word not in TEXT_FORM_WORDS)}
            if any(needed <= words for words in refused) and case.find_tool(name, last) is not None:
                yield Finding(rule="claimed_ability", message=last, text=f"{text[:80]!r} refuses what {name} does")
                break


_SUMS_UP = re.compile(
    r"\bcomes down to\b|\bfor (?:anything|everything) else\b[^.!?]*\b(?:another|other|somebody|someone|elsewhere)\b"
    r"|\b(?:nothing|not much) (?:else|more|beyond)\b|\b(?:that|this)(?: is|'s|’s) (?:all|everything) (?:that )?I can\b"
    r"|\b(?:all|the only things?) (?:that )?I can do\b|\bmy tools only\b|\bI can only\b",
    re.IGNORECASE,
)
_OF_EXAMPLES = re.compile(
    r"\b(?:such as|for example|for instance|among other|and more|and so on|etc|like|things like|mostly|mainly)\b",
    re.IGNORECASE,
)
_LISTS_DEEDS = re.compile(r"\b(?:let me|I can|able to|down to|allow me to|how to|only)\b:?", re.IGNORECASE)
_BETWEEN_DEEDS = re.compile(r",|;|\band\b|\bor\b")
_MIN_DEEDS = 2  # in a list of what can be done; one alone may answer a question about it


def _find_denied_deed(case: Case, text: str, index: int) -> str | None:
    """What tools are said to come down to, without a deed that one of them has done."""
    if not _SUMS_UP.search(text) or _OF_EXAMPLES.search(text) or _CONDITION.search(text):
        return None
    deeds: list[frozenset[str]] = []
    for sentence in split_sentences(text):
        if begins := list(_LISTS_DEEDS.finditer(sentence)):
            parts = _BETWEEN_DEEDS.split(sentence[begins[-1].end() :])
            deeds += [frozenset(map(to_singular, split_words(part))) for part in parts if part.strip()]
    actions = [{parse_tool_name(word).action for word in deed if parse_tool_name(word).verb == word} for deed in deeds]
    if len(deeds) < _MIN_DEEDS:
        return None
    for at, call, _ in iterate_good_calls(case):
        name = parse_tool_name(call.name)
        named = any(
            name.noun in deed and (name.verb in deed or _group(name.action) in map(_group, done))
            for deed, done in zip(deeds, actions, strict=True)
        )
        if at < index and not named:
            return f"{text[:80]!r} leaves out what {call.name} did in message {at}"
    return None


def _group(action: str) -> str:
    """The kind of an action as people tell them apart: to look something up, or to make or change something."""
    return "read" if action in ("list", "get") else "write"
