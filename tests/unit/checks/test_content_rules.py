"""What things hold, who is on them and in which state they are, beside the calls that made or changed them."""

from typing import Any

import pytest
from rule_cases import (
    Objection,
    Step,
    Table,
    check_objection,
    check_silence,
    check_sizes,
    define,
    list_near_misses,
    list_objections,
    offer,
    step,
    talk,
)

from funcdex_assets.checks.rules.case import Case


def then(*steps: Step, reply: str = "It is seen to.") -> Case:
    """A request that leads to some calls, one after the other."""
    return talk("Please see to it.", *steps, reply)


def club(arguments: Any, name: str = "CREATE_CLUB", **fields: Any) -> Case:
    """Something that is made, and comes back with these fields."""
    return then(step(name, arguments, {"club": {"id": "cl_501", "name": "Chess", **fields}}))


CHESS = {"name": "Chess"}
WELCOME = "Welcome to all who have just moved in"
MADE = step("CREATE_CLUB", CHESS, {"club": {"id": "cl_501", "name": "Chess"}})
PACKED = {"parcel": {"id": "pa_7701", "attachments": [{"name": "x.pdf"}]}}

TABLES = {
    "unsent_content": Table(
        objects=[
            Objection("a description", club(CHESS, description=WELCOME), 2, "has description 'Welcome"),
            Objection("a due date", club(CHESS, due_date="2025-11-03"), 2, "has due_date '2025-11-03'"),
            Objection(
                "attachments, seen later",
                then(
                    step("SEND_PARCEL", {"to": "Bo"}, {"parcel": {"id": "pa_7701", "to": "Bo"}}),
                    step("GET_PARCEL", {"parcel_id": "pa_7701"}, PACKED),
                ),
                4,
                "attachments with 1 of them",
            ),
            Objection("a header", club({"club_id": "c1"}, "ADD_HEADER", text="For review"), 2, "text 'For review'"),
        ],
        lets_pass={
            "given": club({**CHESS, "about": WELCOME}, description=WELCOME),
            "the name again": club(CHESS, description="Chess"),
            "a preview": club({**CHESS, "about": WELCOME}, body="Welcome to all…"),
            "a copy": club(CHESS, "COPY_CLUB", description=WELCOME),
            "of a template": club({"template_id": "t5"}, description=WELCOME),
            "forwarded": club({"to": "Bo"}, "FORWARD_NOTE", body=WELCOME),
            "a default": offer(
                club(CHESS, description="None yet"),
                define("CREATE_CLUB", description={"type": "string", "default": "None yet"}),
            ),
            "due by the words given": club({**CHESS, "due_string": "in a month"}, due_date="2025-11-03"),
            "the terms of an invoice": club(CHESS, due_date="2025-11-03", amount_due=400),
            "a file was given": club({**CHESS, "file_path": "x.pdf"}, attachments=[{"name": "x.pdf"}]),
            "given later": then(
                MADE,
                step("UPDATE_CLUB", {"club_id": "cl_501", "about": WELCOME}, {}),
                step("GET_CLUB", {"club_id": "cl_501"}, {"club": {"id": "cl_501", "description": WELCOME}}),
            ),
            "not made here": then(
                step("GET_CLUB", {"club_id": "cl_501"}, {"club": {"id": "cl_501", "description": WELCOME}})
            ),
            "nothing in it": club(CHESS, description="", attachments=[]),
        },
    ),
}


@pytest.mark.parametrize(("rule", "objection"), list_objections(TABLES))
def test_a_rule_objects(rule, objection):
    check_objection(rule, objection)


@pytest.mark.parametrize(("rule", "case"), list_near_misses(TABLES))
def test_a_rule_lets_pass(rule, case):
    check_silence(rule, case)


def test_every_rule_has_cases():
    check_sizes(TABLES)
