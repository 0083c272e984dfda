"""What the offline user says: in one breath, in order, and with the titles that were shown."""

from random import Random

import pytest
from offline import casts, play

from funcdex_assets.language.request_phrases import RequestPhrase
from funcdex_assets.roles.user_simulator import _join_requests

LIMIT = RequestPhrase("search Jira for x", ["No more than 5, please."], stands_alone=False)
BOARDS = RequestPhrase("list the boards", [], stands_alone=False)
PROMOTION = RequestPhrase("we're running a promotion", [], stands_alone=True)
OPEN = RequestPhrase("what's still open?", [], stands_alone=True)


@pytest.mark.parametrize(
    ("lead", "asks", "said"),
    [
        ("Could you?", [BOARDS], "Could you list the boards?"),
        ("Could you?", [LIMIT, BOARDS], "Could you search Jira for x? No more than 5, please. "),
        ("Can you?", [PROMOTION], "We're running a promotion."),
        ("Can you?", [PROMOTION, BOARDS], "We're running a promotion. "),
        ("Next one.", [OPEN], "Next one. What's still open?"),
        ("Please", [BOARDS, OPEN], "Please list the boards. What's still open?"),
    ],
)
def test_what_belongs_to_a_request_follows_it_at_once(lead, asks, said):
    text = _join_requests(lead, asks, Random(0))
    assert text.startswith(said)
    assert len(text) == len(said) or text.rstrip(".").lower().endswith("list the boards")


def test_what_was_withheld_is_asked_for_though_its_words_were_said_before():
    """The matter is in the first message, and the words to search for are the matter's: still nobody knows them."""
    asked = 0
    for partition in ("todoist", "gmail", "jira", "asana", "googledrive"):
        for cast in casts(partition, 60):
            if cast.plan.kind != "ask_back":
                continue
            messages = play(cast).messages
            withheld = {step.turn for step in cast.plan.steps if any(one.withheld for one in step.arguments)}
            spoken = sum(message.role == "user" for message in messages)
            assert spoken == len(cast.plan.turns) + len(withheld), cast.plan.plan_id
            asked += len(withheld)
    assert asked > 10
