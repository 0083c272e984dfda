"""Rules about what an answer leaves out, and what it says too much.

Belongs here: parts of a request without an answer, an attribute that was asked for and is not told, claims that go
beyond the results. How many there are is in `pages.py`; invented values and hidden failures are in `results.py`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from funcdex_assets.checks.rules.agreement import _read_meaning
from funcdex_assets.checks.rules.case import Case, Turn, find_field_name, has_failed, is_empty_result
from funcdex_assets.checks.rules.citations import cites_results, cites_value, is_citable
from funcdex_assets.checks.rules.requests import find_clause, is_asking, list_answers, names_subject
from funcdex_assets.language.spoken_values import find_first_form
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, is_page_token, parse_tool_name
from funcdex_assets.semantics.vocabulary import PERSON_NOUNS, READING_ACTIONS, TEXT_FORM_WORDS

_NOTHING = re.compile(r"\b(?:no|nothing|none|not any|n't|n’t|without|empty|zero)\b", re.IGNORECASE)
_WHO = re.compile(r"\b(?:who|whose|who's|who’s|whom)\b", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"\b(?:what|which|what's|whats|is|are|was|were|its|their|with its|how)\b(?P<words>[^.?!;]{2,60})", re.IGNORECASE
)
_PARTS_OF_PERSON = frozenset("name email displayname emailaddress username fullname".split())
_SENDING_STATES = frozenset("accepted queued pending sent scheduled processing".split())
_CLAIMS_RECEIPT = re.compile(
    r"\bhas (?:arrived|landed)\b|\bis back on (?:his|her|the|their|your)\b|\b(?:everyone|everybody|they all|all of them|(?:he|she|they)|the (?:team|group|customer|client|recipient)s?)\b[^.!?]{0,30}"
    r"\b(?:has|have) (?:got |received |seen |read |been (?:told|informed|notified|reached)|your message|the message|it\b|it now)"
    r"|\b(?:was|were|been|is|are) (?:delivered|received|read|seen)\b|\b(?:pin|message|template|file|picture|card)\b[^.!?]{0,30}\bis with (?:them|him|her)\b"
    r"|\bhas the number of\b",
    re.IGNORECASE,
)
_SAID_BEFORE = re.compile(
    r"\b(?:as (?:I )?(?:reported|said|mentioned|noted|told|listed|stated)\b|(?:reported|said|mentioned|noted|told you|told|listed|stated) (?:it |that )?(?:earlier|before|above|already|when)|"
    r"(?<!if )\bI (?:noted|mentioned|said|told|reported|gave)\b|earlier (?:on )?(?:I|it showed|it said))",
    re.IGNORECASE,
)
_CANNOT_REACH = re.compile(
    r"\b(?:can't|cannot|can’t|couldn't|unable to) (?:reach|get into|access)\b[^.!?]{0,30}\b(?:account|service|mailbox|workspace)\b",
    re.IGNORECASE,
)
_QUOTES_CONTENT = re.compile(
    r"\b(?:In it|It reads|It says|It begins|The text (?:is|reads|says))\b:? [\"“](?P<quoted>[^\"”]+)[\"”]",
    re.IGNORECASE,
)
_MONEY_SIGN = re.compile(
    r"[$€£¥₹₺₩]|\b(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|SGD|SEK|NOK|DKK|PLN|INR|BRL|MXN|NZD|ZAR|dollars?|euros?|cents?|pounds?|francs?|yen)\b",
    re.IGNORECASE,
)
_WEIGHTY = frozenset(
    "bcc cc expiration expires expiry end until color colour currency interval duration role description deadline reminder priority due attendees".split()
)
_MONEY_ROLES = ("amount", "charge", "total")


def unanswered_part(case: Case) -> Iterator[Finding]:
    """A look-up that the user asked for and is not told of: nothing that it found is named, nor that it found nothing.

    A look-up that only serves a later call is told by what came of that, unless the user spoke of its things.
    """
    for turn in case.turns:
        answered = case.messages[turn.end - 1]
        if answered.role != "assistant" or answered.tool_calls:
            continue
        for index in range(turn.start, turn.end):
            call, result = case.calls_by_result.get(index), case.messages[index].result
            if (
                call is None
                or result is None
                or has_failed(result)
                or parse_tool_name(call.name).action not in READING_ACTIONS
            ):
                continue
            clause = find_clause(case, turn, call)
            text = " ".join(answer for _, answer in list_answers(case, turn, index))
            if clause is None or not is_asking(clause) or not text or not _has_news(case, index):
                continue
            if _serves_later_call(case, index, turn) and not names_subject(clause, call, _find_toolkit(case, call)):
                continue
            if not cites_results(case, text, [index]) and not (
                is_empty_result(result.content) and _NOTHING.search(text)
            ):
                yield Finding(
                    rule="unanswered_part",
                    message=turn.end - 1,
                    text=f"{clause[:80]!r} was asked, and nothing that {call.name} found is told",
                )


def _find_toolkit(case: Case, call: ToolCall) -> str:
    tool = case.tools.get(call.name)
    return tool.toolkit.replace("google", "google ") if tool else ""


def _has_news(case: Case, index: int) -> bool:
    """True if a result has a value that a reply could name."""
    return any(
        is_citable(value) and not is_id(find_field_name(pointer)) and not is_page_token(find_field_name(pointer))
        for pointer, value in case.result_values[index]
    )


def _serves_later_call(case: Case, index: int, turn: Turn) -> bool:
    """True if a later call of the turn takes a value from a result, or acts after it."""
    shown = {str(value) for pointer, value in case.result_values[index] if len(str(value)) > 2}
    for at in range(index + 1, turn.end):
        for call in case.messages[at].tool_calls:
            if parse_tool_name(call.name).action not in READING_ACTIONS:
                return True
            if shown & {str(value) for _, value in list_scalars(call.arguments)}:
                return True
    return False


def unanswered_question(case: Case) -> Iterator[Finding]:
    """A question for a person or for an attribute, and an answer that has neither."""
    for turn in case.turns:
        for index in range(turn.start, turn.end):
            call, result = case.calls_by_result.get(index), case.messages[index].result
            if (
                call is None
                or result is None
                or has_failed(result)
                or parse_tool_name(call.name).action not in READING_ACTIONS
            ):
                continue
            clause = find_clause(case, turn, call)
            text = " ".join(answer for _, answer in list_answers(case, turn, index))
            if not text:
                continue
            if (
                clause is None
                and _WHO.search(case.speech[turn.start])
                and index == max((at for at in range(turn.start, turn.end) if case.messages[at].result), default=-1)
            ):
                everyone = {
                    name
                    for at in range(turn.start, turn.end)
                    if (other := case.calls_by_result.get(at))
                    for name in _list_people(case, at, other)
                }
                if everyone and not any(name in text for name in everyone):
                    yield Finding(
                        rule="unanswered_question",
                        message=turn.end - 1,
                        text=f"{case.speech[turn.start][:80]!r} is answered without a name",
                    )
            if clause is None or not cites_results(case, text, [index]):
                continue
            if _WHO.search(clause) and not re.search(r"\bwho(?:ever)? does what\b", clause, re.IGNORECASE):
                people = _list_people(case, index, call)
                others = {
                    name
                    for at in range(turn.start, turn.end)
                    if at != index
                    and (other := case.calls_by_result.get(at))
                    and other.name != call.name
                    and find_clause(case, turn, other) == clause
                    for name in _list_people(case, at, other)
                }
                if any(name in text for name in others):
                    continue
                if people and not any(find_first_form(text, [name]) or name in text for name in people):
                    yield Finding(
                        rule="unanswered_question",
                        message=turn.end - 1,
                        text=f"{clause[:80]!r} is answered without a name, and {call.name} has {sorted(people)[0]!r}",
                    )
                    continue
            if is_asking(clause) and (missing := _find_untold_attribute(case, index, call, clause, text)):
                yield Finding(
                    rule="unanswered_question",
                    message=turn.end - 1,
                    text=f"{clause[:80]!r} asks for {missing}, which {call.name} has and the answer leaves out",
                )


def half_done(case: Case) -> Iterator[Finding]:
    """ "Both" or "all of them", and only one of them is dealt with; a link that is said to be ready and not given."""
    for turn in case.turns:
        calls = [call for index in range(turn.start, turn.end) for call in case.messages[index].tool_calls]
        acts = [call for call in calls if parse_tool_name(call.name).action not in READING_ACTIONS]
        if _BOTH.match(case.speech[turn.start]) and len(acts) == 1:
            yield Finding(
                rule="half_done",
                message=turn.end - 1,
                text=f"{case.speech[turn.start][:40]!r} was said, and only {acts[0].name} was called, once",
            )
        text = case.speech[turn.end - 1] if case.messages[turn.end - 1].role == "assistant" else ""
        links = [
            value
            for index in range(turn.start, turn.end)
            for pointer, value in case.result_values.get(index, ())
            if isinstance(value, str) and "://" in value
        ]
        if links and (match := _LINK_READY.search(text)) and "://" not in text:
            yield Finding(
                rule="half_done", message=turn.end - 1, text=f"{match[0]!r} is said, and the link is not given"
            )


_BOTH = re.compile(
    r"^\W*(?:yes,? )?(?:both|all of (?:them|these|those)|all (?:two|three|four))\b[^.?!]{0,20}[.!]?\s*$", re.IGNORECASE
)
_LINK_READY = re.compile(
    r"\b(?:link|url) is (?:ready|there|set up|here)\b|\bhere(?:'s|’s| is) (?:the|your|his|her|their) (?:link|url)\b",
    re.IGNORECASE,
)


def _list_people(case: Case, index: int, call: ToolCall) -> set[str]:
    """The names and addresses of people in a result, but for those that the call was asked about."""
    asked = {str(value).lower() for _, value in list_scalars(call.arguments)}
    people: set[str] = set()
    for holder, pointer, noun in case.result_objects[index]:
        keys = {to_singular(word) for step in pointer.split("/") for word in split_words(step)}
        is_person = (
            bool(keys & (PERSON_NOUNS | {"contact", "member", "participant", "from", "to"})) or noun in PERSON_NOUNS
        )
        for key, value in holder.items():
            words = split_words(key)
            plain = "".join(words)
            of_person = set(words) & PERSON_NOUNS or plain in ("from", "owner", "assignee")
            for leaf in value if isinstance(value, list) else (value,):
                if (
                    isinstance(leaf, str)
                    and leaf
                    and ((is_person and plain in _PARTS_OF_PERSON) or of_person or "@" in leaf)
                ):
                    people.add(leaf)
    return {person for person in people if person.lower() not in asked}


def _find_untold_attribute(case: Case, index: int, call: ToolCall, clause: str, text: str) -> str | None:
    """Returns the field that a question names, whose values are all missing in the answer."""
    match = _ATTRIBUTE.search(re.sub(r"[\"“][^\"”]*[\"”]", " ", clause))
    if match is None:
        return None
    asked = {to_singular(word) for word in split_words(match["words"])}
    own = {*parse_tool_name(call.name).words, *map(to_singular, split_words(_find_toolkit(case, call)))}
    arguments = {to_singular(word) for name in call.arguments for word in split_words(name)}
    values: dict[str, list[tuple[str, Any]]] = {}
    for pointer, value in case.result_values[index]:
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        for step in steps:
            words = {to_singular(word) for word in split_words(step)}
            if (
                words
                and words <= asked
                and not words <= own
                and not words & arguments
                and not words <= {"name", "title", "id"}
            ):
                values.setdefault(step, []).append((pointer, value))
    for name, found in values.items():
        citable = [
            (pointer, value) for pointer, value in found if is_citable(value) and not is_id(find_field_name(pointer))
        ]
        if citable and not any(
            cites_value(case, text, pointer, value) or _cites_loosely(text, value) for pointer, value in citable
        ):
            return " ".join(split_words(name))
    return None


def _cites_loosely(text: str, value: Any) -> bool:
    """True if a text has a value in other letters: `IN_PROGRESS` as "in progress"."""
    return isinstance(value, str) and " ".join(split_words(value)) in " ".join(split_words(text))


def overclaim(case: Case) -> Iterator[Finding]:
    """A reply that claims more than any result says: that a message arrived where it was only accepted, that something
    was said before which was not, that an account is out of reach beside calls that pass, or a title as the text.
    """
    said: list[str] = []
    for turn in case.turns:
        passed = [
            index
            for index in range(turn.start, turn.end)
            if (result := case.messages[index].result) and not has_failed(result)
        ]
        for index in range(turn.start, turn.end):
            text = case.speech[index]
            if case.messages[index].role != "assistant" or not text:
                continue
            for reason in (
                _find_claimed_receipt(case, passed, text),
                _find_claimed_report(case, said, text, index),
                _find_claimed_deed(case, text, index),
                _find_lost_account(case, passed, text),
                _find_title_as_text(case, passed, text),
            ):
                if reason:
                    yield Finding(rule="overclaim", message=index, text=reason)
            said.append(text)


def _find_claimed_receipt(case: Case, passed: Sequence[int], text: str) -> str | None:
    if not (match := _CLAIMS_RECEIPT.search(text)):
        return None
    for index in passed:
        states = {
            str(value).lower()
            for pointer, value in case.result_values[index]
            if "status" in find_field_name(pointer).lower()
        }
        if states & _SENDING_STATES:
            return f"{match[0][:60]!r} is said, and the status is {next(iter(states & _SENDING_STATES))!r}"
    return None


def _find_claimed_deed(case: Case, text: str, index: int) -> str | None:
    """Something that somebody is said to have read, approved or confirmed, or that the assistant says it sent or deleted,
    which no result and no call has.
    """
    known = " ".join(
        [
            *(case.speech[at] for at in range(index) if case.messages[at].role == "user"),
            *(
                f"{pointer} {value}"
                for at, values in case.result_values.items()
                if at < index
                for pointer, value in values
            ),
        ]
    ).lower()
    if (match := _CLAIMS_DEED.search(text)) and not re.search(rf"\b{match['deed'][:4]}", known):
        return f"{match[0]!r} is said, and nothing says so"
    if match := _CLAIMS_ACT.search(text):
        wanted = _ACTIONS_OF_ACT[match["act"].lower()]
        made = [
            call
            for at, call in case.calls_by_result.items()
            if at < index and (result := case.messages[at].result) and not has_failed(result)
        ]
        if not any(
            parse_tool_name(call.name).action in wanted or match["act"].lower()[:4] in call.name.lower()
            for call in made
        ):
            return f"{match[0]!r} is said, and no call did that"
    return None


_CLAIMS_DEED = re.compile(
    r"\b(?:she|he|they|nobody|no one|everyone|everybody|[A-Z][a-z]+) (?:has|have) (?:already |also )?(?P<deed>read|seen|opened|approved|confirmed|accepted|received)\b"
)
_CLAIMS_ACT = re.compile(
    r"\bI(?:'ve|’ve| have)? (?:just |also |already )?(?P<act>sent|emailed|forwarded|deleted|removed|refunded|cancelled|canceled|invited|shared)\b",
    re.IGNORECASE,
)
_ACTIONS_OF_ACT: Mapping[str, tuple[str, ...]] = {
    "sent": ("send", "create"),
    "emailed": ("send",),
    "forwarded": ("send",),
    "deleted": ("delete",),
    "removed": ("delete", "update"),
    "refunded": ("create", "delete", "update"),
    "cancelled": ("delete", "update"),
    "canceled": ("delete", "update"),
    "invited": ("send", "create", "update"),
    "shared": ("send", "create", "update"),
}


def _find_claimed_report(case: Case, said: Sequence[str], text: str, index: int) -> str | None:
    """The assistant says that it told a value before, and did not."""
    match = _SAID_BEFORE.search(text)
    if match is None:
        return None
    sentence = next((part for part in re.split(r"(?<=[.!?])\s+", text) if match[0] in part), text)
    for at, values in case.result_values.items():
        if at >= index:
            break
        for pointer, value in values:
            if (
                is_citable(value)
                and not is_id(find_field_name(pointer))
                and cites_value(case, sentence, pointer, value)
            ):
                if any(
                    cites_value(case, earlier, pointer, value) or _cites_loosely(earlier, value) for earlier in said
                ):
                    return None
    earlier_words = {word for earlier in said for word in re.findall(r"[\w@.+-]{2,}", earlier.lower())}
    claimed = [
        word
        for word in re.findall(r"[\w@.+-]{2,}", sentence.replace(match[0], " ").lower())
        if word not in _COMMON_WORDS
    ]
    if claimed and all(word.strip(".") in earlier_words for word in claimed[:6]):
        return None
    return f"{match[0]!r} is said of what was not told before: {sentence[:80]!r}"


_COMMON_WORDS = frozenset(
    "the was is it on when came up at of that this and a an to for in as i you earlier before already had".split()
)


def _find_lost_account(case: Case, passed: Sequence[int], text: str) -> str | None:
    if (match := _CANNOT_REACH.search(text)) and passed:
        return f"{match[0]!r} is said beside {len(passed)} calls that passed"
    return None


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
        if fields and all(_read_meaning(name, "x").role == "title" for name in fields):
            return f"{match['quoted'][:60]!r} is a title, and is given as the text"
    return None


def odd_success(case: Case) -> Iterator[Finding]:
    """A change that the result does not have, reported as made: the field that the call set has another value."""
    for index, call in case.calls_by_result.items():
        result = case.messages[index].result
        if result is None or has_failed(result) or parse_tool_name(call.name).action not in ("update", "create"):
            continue
        turn = next((turn for turn in case.turns if turn.start <= index < turn.end), None)
        text = " ".join(answer for _, answer in list_answers(case, turn, index)) if turn else ""
        if not text or re.search(
            r"\b(?:but|however|still|although|though|not|n't|odd|strange|instead)\b", text, re.IGNORECASE
        ):
            continue
        verb = parse_tool_name(call.name).verb
        wanted = _STATE_AFTER.get(verb)
        for holder, pointer, _ in case.result_objects[index]:
            for key, value in holder.items():
                if (
                    wanted
                    and isinstance(value, bool)
                    and pointer.count("/") <= 1
                    and set(split_words(key)) & wanted[0]
                    and value is not wanted[1]
                ):
                    yield Finding(
                        rule="odd_success",
                        message=index,
                        place=f"{pointer}/{key}",
                        text=f"{call.id} {call.name} leaves {key} {value}, and is reported as done",
                    )


_STATE_AFTER: Mapping[str, tuple[frozenset[str], bool]] = {
    "complete": (frozenset(("completed", "done", "checked")), True),
    "close": (frozenset(("completed", "closed", "done", "checked")), True),
    "reopen": (frozenset(("completed", "closed", "done", "checked")), False),
    "archive": (frozenset(("archived",)), True),
    "unarchive": (frozenset(("archived",)), False),
    "star": (frozenset(("starred",)), True),
    "pin": (frozenset(("pinned",)), True),
}


def bare_money(case: Case) -> Iterator[Finding]:
    """An amount of money that is told without its currency."""
    for turn in case.turns:
        for index in range(turn.start, turn.end):
            result = case.messages[index].result
            if (
                result is None
                or has_failed(result)
                or not any(
                    find_field_name(pointer).lower().endswith("currency") for pointer, _ in case.result_values[index]
                )
            ):
                continue
            for at, text in list_answers(case, turn, index):
                for pointer, value in case.result_values[index]:
                    name = find_field_name(pointer)
                    if (
                        not isinstance(value, int | float)
                        or isinstance(value, bool)
                        or value < 10
                        or _read_meaning(name, value).role not in _MONEY_ROLES
                        or "percent" in name
                    ):
                        continue
                    forms = [str(value), f"{value / 100:.2f}", f"{value / 100:,.2f}", f"{value:,}"]
                    for form in forms:
                        for match in re.finditer(rf"(?<![\w.,]){re.escape(form)}(?![\w])", text):
                            around = text[max(0, match.start() - 12) : match.end() + 14]
                            if not _MONEY_SIGN.search(around):
                                yield Finding(
                                    rule="bare_money",
                                    message=at,
                                    blocking=False,
                                    text=f"{around.strip()!r} has no currency",
                                )
                                break
                        else:
                            continue
                        break


def missing_detail(case: Case) -> Iterator[Finding]:
    """A confirmation that leaves out what mattered of one's own doing: a blind copy, an end, an expiry, a colour."""
    for turn in case.turns:
        for index in range(turn.start, turn.end):
            call, result = case.calls_by_result.get(index), case.messages[index].result
            if (
                call is None
                or result is None
                or has_failed(result)
                or parse_tool_name(call.name).action in READING_ACTIONS
            ):
                continue
            text = " ".join(answer for _, answer in list_answers(case, turn, index))
            if not text:
                continue
            left_out = [
                name
                for name, value in call.arguments.items()
                if set(split_words(name)) & _WEIGHTY
                and not any(
                    cites_value(case, text, pointer, leaf) or _cites_loosely(text, leaf)
                    for pointer, leaf in list_scalars({name: value})
                )
                and not set(map(to_singular, split_words(name))) & set(map(to_singular, split_words(text)))
            ]
            if left_out:
                yield Finding(
                    rule="missing_detail",
                    message=turn.end - 1,
                    blocking=False,
                    text=f"{call.name} set {', '.join(left_out)}, and the reply does not say so",
                )


def half_interval(case: Case) -> Iterator[Finding]:
    """A beginning that is told without its end, where the user wants to know when, or all that there is to know."""
    for turn in case.turns:
        request = case.speech[turn.start].lower()
        if not re.search(r"\bdetails?\b|\bwhen\b|\bset up\b|\bhours\b|\bavailab|\bfree\b|\bslots?\b", request):
            continue
        for index in range(turn.start, turn.end):
            result = case.messages[index].result
            if result is None or has_failed(result):
                continue
            text = " ".join(answer for _, answer in list_answers(case, turn, index))
            for holder, pointer, _ in case.result_objects[index]:
                start = next((key for key in holder if key.lower() in ("from", "start", "start_time")), None)
                end = next((key for key in holder if key.lower() in ("to", "end", "end_time")), None)
                if (
                    start
                    and end
                    and text
                    and isinstance(holder[start], str)
                    and isinstance(holder[end], str)
                    and _tells_time(case, text, start, holder[start])
                    and not _tells_time(case, text, end, holder[end])
                ):
                    yield Finding(
                        rule="half_interval",
                        message=turn.end - 1,
                        place=f"{pointer}/{end}",
                        blocking="detail" in request or "when" in request,
                        text=f"{start} {holder[start]!r} is told, and its end {holder[end]!r} is not",
                    )
                    break


def _tells_time(case: Case, text: str, name: str, value: str) -> bool:
    return cites_value(case, text, f"/{name}", value) or value in text


def claimed_ability(case: Case) -> Iterator[Finding]:
    """A refusal of what a tool on offer does: the assistant says that it cannot, and names the tool's verb and noun."""
    for turn in case.turns:
        last = turn.end - 1
        text = case.speech[last] if case.messages[last].role == "assistant" else ""
        if any(case.messages[index].tool_calls for index in range(turn.start, turn.end)) or not _REFUSES.search(text):
            continue
        stems = [frozenset(map(to_singular, split_words(part))) for part in _REFUSED.findall(text)]
        for name, tool in case.tools.items():
            parsed = parse_tool_name(name)
            if (
                any(
                    {parsed.verb, *(word for word in parsed.words if word not in TEXT_FORM_WORDS)} <= refused
                    for refused in stems
                )
                and case.find_tool(name, last) is not None
                and tool
            ):
                yield Finding(rule="claimed_ability", message=last, text=f"{text[:80]!r} refuses what {name} does")
                break


_REFUSES = re.compile(r"\b(?:can't|cannot|can’t|unable|not able|isn't among|not possible|lack)\b", re.IGNORECASE)
_REFUSED = re.compile(
    r"\b(?:can't|cannot|can’t|unable to|not able to|function to|say that I could) ([\w ]{3,40})", re.IGNORECASE
)
