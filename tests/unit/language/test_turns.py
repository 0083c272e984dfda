"""The words for turns that go otherwise than planned: the right slots, and no two templates alike."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from funcdex_assets.language.lexicon import find_slots, load_lexicon_file

REGISTERS = ("brisk", "warm", "formal", "chatty")
TALK = {"matter", "counterpart", "day", "company", "name"}
# key: (slots that must be there, slots that may)
USER = {
    "remedy_value": ({"x"}, {"words"}),
    "remedy_search": ({"x"}, set()),
    "remedy_expired_auth": (set(), set()),
    "remedy_permission_denied": (set(), set()),
    "remedy_wait": (set(), set()),
    "dropped": (set(), set()),
    "correction": ({"x"}, {"words"}),
    "recall": ({"field"}, {"thing"}),
    "another_goal": (set(), set()),
    "back_to_the_beginning": (set(), set()),
    "unlocked": (set(), set()),
    "unlocked_go": (set(), set()),
}
ASSISTANT = {
    "fault_not_found_value": ({"x", "words"}, {"doing"}),
    "fault_not_found_thing": ({"doing"}, set()),
    "fault_invalid_argument": ({"x", "words"}, {"doing"}),
    "fault_permission_denied": ({"doing"}, set()),
    "fault_expired_auth": ({"doing"}, set()),
    "fault_conflict": ({"x", "words"}, {"doing"}),
    "fault_empty_result": ({"x"}, {"things"}),
    "fault_rate_limit": ({"doing", "wait"}, set()),
    "fault_timeout": ({"doing"}, set()),
    "retry_note_timeout": (set(), set()),
    "another_note_permission_denied": (set(), {"failed", "other"}),
    "another_note_timeout": (set(), {"failed", "other"}),
    "another_note_empty_result": (set(), {"failed", "other"}),
    "another_note_not_found": (set(), {"failed", "other"}),
    "dropped_reply": (set(), set()),
    "decline": ({"action", "able"}, set()),
    "decline_again": (set(), {"action", "able"}),
    "recall_answer": ({"value"}, {"field", "thing"}),
    "recall_answer_unsaid": ({"value"}, {"field", "thing"}),
    "thought_retry": (set(), set()),
    "thought_another": ({"other"}, {"failed"}),
    "thought_another_unfound": ({"other"}, {"failed"}),
    "thought_fault": ({"what"}, set()),
    "thought_decline": ({"action"}, set()),
    "thought_recall": ({"field"}, set()),
    "thought_small_talk": (set(), set()),
    "thought_parallel": ({"what"}, set()),
}
NEEDS_THE_USER = [
    key for key in ASSISTANT if key.startswith("fault_") and key not in ("fault_not_found_thing", "fault_rate_limit")
]


def texts(key: str) -> list[str]:
    entry = load_lexicon_file("turns")[key]
    groups = [entry] if isinstance(entry, list) else entry.values()
    return [text for group in groups for text in group if text]


def every_text() -> Iterator[str]:
    for key in (*USER, *ASSISTANT):
        yield from texts(key)
    for entry in load_lexicon_file("turns")["small_talk"]:
        yield from entry["user"].values()
        yield from entry["assistant"]


def skeleton(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", re.sub(r"\{\w+\}", " _ ", text.lower())))


def repeated(found: list[str]) -> list[str]:
    return [text for text, count in Counter(skeleton(text) for text in found).items() if count > 1]


def test_every_key_is_tested_here():
    assert set(load_lexicon_file("turns")) == {*USER, *ASSISTANT, "small_talk"}


@pytest.mark.parametrize("key", USER)
def test_every_register_has_many(key):
    assert list(load_lexicon_file("turns")[key]) == list(REGISTERS)
    assert min(len(load_lexicon_file("turns")[key][register]) for register in REGISTERS) >= 14


@pytest.mark.parametrize("key", ASSISTANT)
def test_the_assistant_has_many(key):
    assert len(texts(key)) >= 14


@pytest.mark.parametrize(("key", "must", "may"), [(key, *slots) for key, slots in (USER | ASSISTANT).items()])
def test_slots_are_the_ones_that_are_filled(key, must, may):
    wrong = {text: find_slots(text) for text in texts(key) if not must <= find_slots(text) <= must | may}
    assert wrong == {}


@pytest.mark.parametrize("key", ["remedy_value", "correction", "recall"])
def test_a_slot_that_may_be_missing_is_missed_by_enough(key):
    must = USER[key][0]
    counts = [
        sum(find_slots(text) == must for text in load_lexicon_file("turns")[key][register]) for register in REGISTERS
    ]
    assert min(counts) >= 6


@pytest.mark.parametrize("key", ["recall_answer", "fault_empty_result"])
def test_an_assistants_slot_that_may_be_missing_is_missed_by_enough(key):
    assert sum(find_slots(text) == ASSISTANT[key][0] for text in texts(key)) >= 3


@pytest.mark.parametrize("key", [key for key in ASSISTANT if "another" in key])
def test_only_the_first_sentence_begins_with_what_is_done(key):
    """It is filled in as `searching your mail`, and only the beginning of the whole is made a capital."""
    assert [text for text in texts(key) if re.search(r"[.!?:] \{\w+\} \w", text)] == []


@pytest.mark.parametrize("key", [*USER, *ASSISTANT])
def test_no_two_have_one_skeleton(key):
    assert repeated(texts(key)) == []


@pytest.mark.parametrize("key", [*USER, *ASSISTANT])
def test_no_beginning_dominates(key):
    starts = Counter(" ".join(skeleton(text).split()[:2]) for text in texts(key))
    assert starts.most_common(1)[0][1] <= max(3, len(texts(key)) // 8), starts.most_common(3)


def test_small_talk_is_much_and_all_different():
    talk = load_lexicon_file("turns")["small_talk"]
    assert len(talk) >= 60
    assert [entry for entry in talk if list(entry["user"]) != list(REGISTERS)] == []
    assert [entry for entry in talk if not 2 <= len(entry["assistant"]) <= 3] == []
    assert repeated([text for entry in talk for text in entry["user"].values()]) == []
    assert repeated([text for entry in talk for text in entry["assistant"]]) == []
    said = [text for entry in talk for text in entry["user"].values() if find_slots(text) - TALK]
    replied = [text for entry in talk for text in entry["assistant"] if find_slots(text) - TALK - {"able"}]
    assert (said, replied) == ([], [])


def test_texts_are_plain_and_no_article_stands_before_a_slot_of_unknown_sound():
    assert [text for text in every_text() if not text.replace("—", "").isascii() or text != text.strip()] == []
    assert [text for text in every_text() if re.search(r"\ba \{|\ban \{", text, re.IGNORECASE)] == []


def test_recall_is_a_question_and_a_new_function_is_announced():
    assert [text for text in texts("recall") if "?" not in text] == []
    assert [text for text in texts("unlocked") if text[-1] not in ".:"] == []


@pytest.mark.parametrize("key", NEEDS_THE_USER)
def test_a_fault_that_needs_the_user_asks(key):
    asks = re.compile(r"\?|\b(please|tell me|send me|give me|let me know|need|if you)\b", re.IGNORECASE)
    assert [text for text in texts(key) if not asks.search(text)] == []
