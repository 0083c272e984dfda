"""No chain needs what is in a thing that it has just made and put nothing into."""

import pytest

from funcdex_assets.records.tool import Binding, ChainStep
from funcdex_assets.tool_graph.chains import looks_into_new_thing


def chain(*steps: tuple[str, *tuple[tuple[str, int, str], ...]]) -> list[ChainStep]:
    """Steps as (tool, (argument, step, result path) …)."""
    return [
        ChainStep(
            tool=tool,
            bindings=tuple(
                Binding(argument=argument, step=step, result=result, kind="id") for argument, step, result in bindings
            ),
        )
        for tool, *bindings in steps
    ]


CREATE = ("CREATE_CUSTOMER",)
INVOICES = ("LIST_INVOICES", ("/customer_id", 0, "/customer/id"))
PAY = ("PAY_INVOICE", ("/invoice_id", 1, "/invoices/*/id"))


@pytest.mark.parametrize(
    ("steps", "looks"),
    [
        pytest.param((CREATE, INVOICES, PAY), True, id="an_invoice_of_a_new_customer"),
        pytest.param((CREATE, INVOICES), False, id="only_looked_whether_there_are_any"),
        pytest.param((("GET_CUSTOMER",), INVOICES, PAY), False, id="a_customer_that_was_there"),
        pytest.param(
            (
                CREATE,
                ("GET_CUSTOMER", ("/customer_id", 0, "/customer/id")),
                ("LIST_INVOICES", ("/customer_id", 1, "/customer/id")),
                ("PAY_INVOICE", ("/invoice_id", 2, "/invoices/*/id")),
            ),
            True,
            id="a_new_customer_that_was_shown_again",
        ),
        pytest.param(
            (
                CREATE,
                ("CREATE_INVOICE", ("/customer_id", 0, "/customer/id")),
                ("LIST_INVOICES", ("/customer_id", 0, "/customer/id")),
                ("PAY_INVOICE", ("/invoice_id", 2, "/invoices/*/id")),
            ),
            False,
            id="one_was_put_in",
        ),
        pytest.param(
            (
                ("LIST_BRANCHES",),
                ("CREATE_LOAN", ("/branch_id", 0, "/branches/*/id")),
                ("LIST_EVENTS", ("/branch_id", 0, "/branches/*/id"), ("/loan_id", 1, "/loan/id")),
                ("UNDO_EVENT", ("/event_id", 2, "/events/*/id")),
            ),
            True,
            id="of_a_new_loan_in_a_branch_that_was_there",
        ),
    ],
)
def test_what_is_needed_of_a_new_thing_was_put_in(steps, looks):
    assert looks_into_new_thing(chain(*steps)) is looks
