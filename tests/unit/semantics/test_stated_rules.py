"""What descriptions state of a service, and what they do not: each sentence with the rules that are read from it."""

import pytest

from funcdex_assets.records.tool import Tool
from funcdex_assets.semantics.stated_rules import (
    CallQuota,
    DeletesParts,
    EndAfterStart,
    FutureMoment,
    InitialState,
    LockedAfter,
    LongestSpan,
    MostCharacters,
    MostItems,
    OnlyOnce,
    OnlyWayAfterSilence,
    RequiredState,
    ReservedName,
    StatedRule,
    UniqueName,
    read_stated_rules,
)

MOMENT = {"type": "string", "format": "date-time"}


def read(name: str, description: str, **parameters: dict) -> list[StatedRule]:
    schema = {"type": "object", "properties": parameters}
    return list(read_stated_rules(Tool("t", name, description, schema, None, source="test")))


def told(rules: list[StatedRule]) -> list[tuple]:
    """The rules without the sentences that they are from."""
    return [(type(rule), *[value for key, value in vars(rule).items() if key != "text"]) for rule in rules]


@pytest.mark.parametrize(
    ("name", "description", "expected"),
    [
        ("FINALIZE_INVOICE", "Finalizes a draft invoice.", (RequiredState, "invoice", ("draft",), "finalize")),
        (
            "REFUND_ORDER",
            "Refunds an order. Only paid or shipped orders can be refunded.",
            (RequiredState, "order", ("paid", "shipped"), "refund"),
        ),
        ("SHIP_ORDER", "Ships it; the order must be in paid state.", (RequiredState, "order", ("paid",), "ship")),
        (
            "SEND_TEMPLATE",
            "Sends an approved message template to somebody.",
            (RequiredState, "template", ("approved",), "send"),
        ),
        ("CREATE_INVOICE", "Creates a draft invoice for a customer.", (InitialState, "draft")),
        ("PUBLISH_POST", "Publishes a post. It can no longer be edited.", (LockedAfter, "post", "publish", "change")),
        (
            "CREATE_INVOICE",
            "Items can be added to it until it is finalized.",
            (LockedAfter, "invoice", "finalize", "addition"),
        ),
        ("DELETE_TEMPLATE", "Its name cannot be used again for 30 days.", (ReservedName, "template", 30.0)),
        (
            "SEND_NOTICE",
            "The only way to write to somebody after two days of silence.",
            (OnlyWayAfterSilence, "SEND_NOTICE", "send", 48.0),
        ),
        ("REDEEM_COUPON", "Redeems it. A coupon can be used only once.", (OnlyOnce, "REDEEM_COUPON", "coupon")),
        ("SEARCH_SHOPS", "At most 60 requests per minute.", (CallQuota, "SEARCH_SHOPS", 60, 60.0)),
        ("SEND_SMS", "Sends a text, limited to five a day.", (CallQuota, "SEND_SMS", 5, 86400.0)),
        ("DELETE_PROJECT", "Deletes a project with all its tasks.", (DeletesParts, "project", "task")),
        ("DELETE_FOLDER", "Deletes a folder and everything in it.", (DeletesParts, "folder", "")),
    ],
)
def test_a_sentence_states_a_rule(name, description, expected):
    assert expected in told(read(name, description))


@pytest.mark.parametrize(
    ("name", "description", "why"),
    [
        ("UPDATE_INVOICE", "Updates an existing invoice.", "existing is no state"),
        ("LIST_INVOICES", "Lists the open invoices.", "a listing filters by a state and needs none"),
        ("GET_ORDER", "Gets a paid order with its lines.", "what is read may be in any state"),
        ("CREATE_TASK", "Creates a task which may be edited later.", "nothing is forbidden"),
        ("SEND_EMAIL", "Sends an email at most a few minutes later.", "no number is given"),
        ("ADD_MEMBER", "Adds a member; they cannot be reached otherwise.", "nothing is said of changing it"),
        ("DELETE_TASK", "Deletes a task with great care.", "care is no part of a task"),
        ("UPDATE_LABEL", "The name cannot be empty.", "emptiness is the schema's matter"),
        ("RENAME_FILE", "Renames a file and once more on request.", "once is no limit here"),
    ],
)
def test_what_is_not_understood_states_nothing(name, description, why):
    assert read(name, description) == [], why


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"ids": {"type": "array", "description": "Messages to move, at most 100."}},
            [(MostItems, "/ids", 100)],
        ),
        (
            {"note": {"type": "string", "description": "A remark of no more than 140 characters."}},
            [(MostCharacters, "/note", 140)],
        ),
        (
            {"start_time": MOMENT, "end_time": MOMENT | {"description": "End, at most a week after its beginning."}},
            [(LongestSpan, "/end_time", "/start_time", 7.0)],
        ),
        (
            {"start": MOMENT, "end": MOMENT | {"description": "When it ends; after its start."}},
            [(EndAfterStart, "/end", "/start")],
        ),
        ({"due": MOMENT | {"description": "Must be in the future."}}, [(FutureMoment, "/due")]),
        ({"slug": {"type": "string", "description": "Unique in the workspace."}}, [(UniqueName, "/slug")]),
        (
            {"box": {"type": "object", "properties": {"tags": {"type": "array", "description": "Up to three."}}}},
            [(MostItems, "/box/tags", 3)],
        ),
        ({"limit": {"type": "integer", "description": "At most 50."}}, []),
        ({"end_time": MOMENT | {"description": "At most a week after its beginning."}}, []),
        ({"q": {"type": "string", "description": "Words to look for, up to the first colon."}}, []),
    ],
)
def test_a_parameter_states_a_rule(parameters, expected):
    assert told(read("DO_IT", "", **parameters)) == expected


def test_a_list_that_the_tool_speaks_of_is_limited():
    rules = read("SEND_BUTTONS", "Sends a text with up to three reply buttons.", buttons={"type": "array"})
    assert told(rules) == [(MostItems, "/buttons", 3)]
