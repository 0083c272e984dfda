"""What the offline assistant reports of its turns, over conversations of all partitions."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from offline import PARTITIONS, Played, played

from funcdex_assets.language.lexicon import load_phrasebook, load_turn_moves
from funcdex_assets.language.result_reports import find_page
from funcdex_assets.semantics.tool_names import parse_tool_name

EACH = 6
every_partition = pytest.mark.parametrize("partition", PARTITIONS)


class Turn(NamedTuple):
    """A turn in which something was called: the results of calls that succeeded, and the reply."""

    conversation: Played
    calls: list[tuple[str, dict[str, Any], Any]]
    reply: str


def turns_of(partition: str) -> Iterator[Turn]:
    for one in played(partition, EACH):
        calls: dict[str, Any] = {}
        done: list[tuple[str, dict[str, Any], Any]] = []
        for message in one.conversation.messages:
            if message.role == "user":
                done = []
            calls |= {call.id: call for call in message.tool_calls}
            if message.result is not None and not message.result.error:
                call = calls[message.result.call_id]
                done.append((call.name, call.arguments, message.result.content))
            if message.role == "assistant" and message.content and not message.tool_calls and done:
                yield Turn(one, done, message.content)


@every_partition
def test_no_listing_hides_items_or_that_there_are_more(partition):
    for turn in turns_of(partition):
        assert "among others" not in turn.reply
        assert not re.search(r"\band \d+ more\b", turn.reply)
        for name, _, content in turn.calls:
            page = find_page(content) if parse_tool_name(name).action == "list" else None
            if page and page.has_more and page.items:
                count, noun = len(page.items), page.noun.split()[-1]
                said = re.compile(rf"(?:There are|I found|I can see) {count} \w*{noun}\w*[:,]")
                others = [find_page(other) for _, _, other in turn.calls]
                if not any(other and not other.has_more and len(other.items) == count for other in others):
                    assert not said.search(turn.reply), turn.reply


@every_partition
def test_every_look_up_of_a_turn_is_told(partition):
    for turn in turns_of(partition):
        for name, _, content in turn.calls:
            page = find_page(content) if parse_tool_name(name).action == "list" else None
            titles = [
                item[key]
                for item in (page.items if page else ())
                for key in ("name", "title", "subject", "summary")
                if isinstance(item.get(key), str)
            ]
            assert [title for title in titles if title not in turn.reply] == [], (str(turn.conversation), turn.reply)


@every_partition
def test_copies_are_confirmed(partition):
    for turn in turns_of(partition):
        for _, arguments, _ in turn.calls:
            for address in (*arguments.get("cc", ()), *arguments.get("bcc", ())):
                assert address in turn.reply, turn.reply


@every_partition
def test_amounts_have_their_currency(partition):
    for turn in turns_of(partition):
        assert not re.search(r"\bcurrency (?:usd|eur|gbp)\b", turn.reply)
        assert not re.search(r"\b(?:amount|unit amount|amount due|balance) -?\d+(?![\d,]*\.\d\d)", turn.reply)


def test_no_wording_of_a_finished_act_claims_what_others_have_or_do():
    claims = re.compile(
        r"\bhas your\b|\bhave your\b|\bis with them\b|\bhas the\b|\bthey can\b|\bbeen told\b|for good|everyone",
        re.IGNORECASE,
    )
    acts = {
        name: entry for name, entry in load_phrasebook().items() if parse_tool_name(name).action not in ("list", "get")
    }
    found = {
        text
        for name, entry in acts.items()
        for text in entry.done
        if claims.search(text) and not text.endswith("has its new owner")
    }
    assert found == set()


@pytest.mark.parametrize("form", load_turn_moves("recall_answer_unsaid"))
def test_what_was_not_said_is_not_said_to_have_been(form):
    assert not re.search(r"\b(?:earlier|before|again|repeat|noted|reported)\b", form)
