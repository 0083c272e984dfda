"""What rules read of a result: a moment, that it failed, the page of a listing and whether another follows."""

import pytest
from error_rule_cases import NOT_FOUND

from funcdex_assets.checks.rules.case import has_failed
from funcdex_assets.checks.rules.field_values import has_clock, has_offset, parse_moment
from funcdex_assets.checks.rules.pages import read_page
from funcdex_assets.records.message import ToolCall, ToolResult


@pytest.mark.parametrize(
    ("value", "moment", "clock", "offset"),
    [
        pytest.param("2025-10-03", "2025-10-03T00:00:00+00:00", False, False, id="a day"),
        pytest.param("2025-10-03T10:00:00", "2025-10-03T10:00:00+00:00", True, False, id="no offset"),
        pytest.param("2025-10-03 10:00:00+02:00", "2025-10-03T10:00:00+02:00", True, True, id="a blank"),
        pytest.param("2025-10-03T10:00:00Z", "2025-10-03T10:00:00+00:00", True, True, id="Z"),
        pytest.param({"dateTime": "2025-10-03T10:00:00Z"}, "2025-10-03T10:00:00+00:00", True, True, id="an object"),
        pytest.param({"date": "2025-10-03"}, "2025-10-03T00:00:00+00:00", False, False, id="a day in an object"),
        pytest.param("2025-13-03", None, False, False, id="no month"),
        pytest.param("tomorrow", None, False, False, id="a word"),
        pytest.param(1759478400, None, False, False, id="a number"),
        pytest.param(None, None, False, False, id="nothing"),
        pytest.param({"dateTime": {"x": 1}}, None, False, False, id="something else"),
    ],
)
def test_a_moment_is_read(value, moment, clock, offset):
    parsed = parse_moment(value)
    assert ((parsed and parsed.isoformat()), has_clock(value), has_offset(value)) == (moment, clock, offset)


@pytest.mark.parametrize(
    ("content", "failed"),
    [
        pytest.param(NOT_FOUND, True, id="problem+json"),
        pytest.param({"ok": False, "error": "no_such_channel"}, True, id="not ok"),
        pytest.param({"errors": [{"message": "No."}]}, True, id="errors"),
        pytest.param({"errors": [{"message": "No."}], "data": None}, True, id="GraphQL"),
        pytest.param({"errors": [{"message": "No."}], "data": {"pet": {"id": 1}}}, False, id="GraphQL, partly"),
        pytest.param({"status": "404", "message": "No."}, True, id="a code as text"),
        pytest.param({"statusCode": 500, "message": "No."}, True, id="another name of the code"),
        pytest.param({"status": "error", "message": "No."}, True, id="JSend"),
        pytest.param({"success": "false", "reason": "No."}, True, id="a flag as text"),
        pytest.param({"status": "failed", "amount": 5}, False, id="a payment that failed"),
        pytest.param({"status": "ok"}, False, id="fine"),
        pytest.param({"code": "404", "name": "Room 404"}, False, id="a code of a room"),
        pytest.param({"errors": [], "data": []}, False, id="no errors"),
        pytest.param(["error"], False, id="a list"),
    ],
)
def test_a_result_says_that_it_failed(content, failed):
    assert has_failed(ToolResult(call_id="call_1", name="GET_PET", content=content)) == failed


ITEMS = [{"id": "i_1"}, {"id": "i_2"}]


@pytest.mark.parametrize(
    ("content", "has_more"),
    [
        pytest.param({"items": ITEMS, "next_page_token": "t"}, True, id="a token"),
        pytest.param({"items": ITEMS, "nextPageToken": ""}, False, id="an empty token"),
        pytest.param({"items": ITEMS, "nextPage": None}, False, id="no next page"),
        pytest.param({"items": ITEMS, "nextPage": 2}, True, id="the number of the next page"),
        pytest.param({"items": ITEMS, "next_page": {"offset": "o", "uri": "/x"}}, True, id="an object"),
        pytest.param({"items": ITEMS, "next": {"href": "/x?page=2"}}, True, id="a link as an object"),
        pytest.param({"items": ITEMS, "meta": {"next": "/x?page=2"}}, True, id="in meta"),
        pytest.param({"items": ITEMS, "meta": {"next": None}}, False, id="none in meta"),
        pytest.param({"items": ITEMS, "links": {"next": "/x", "prev": None}}, True, id="links"),
        pytest.param({"items": ITEMS, "links": {"prev": "/x", "next": None}}, False, id="only back"),
        pytest.param({"_embedded": {"items": ITEMS}, "_links": {"next": {"href": "/x"}}}, True, id="HAL"),
        pytest.param({"value": ITEMS, "@odata.nextLink": "https://x.io"}, True, id="OData"),
        pytest.param({"items": ITEMS, "hasMore": True}, True, id="a flag"),
        pytest.param({"items": ITEMS, "hasMore": "true"}, True, id="a flag as text"),
        pytest.param({"items": ITEMS, "hasMore": False, "nextCursor": "c"}, False, id="a flag against a token"),
        pytest.param({"items": ITEMS, "isLast": False}, True, id="not the last"),
        pytest.param({"items": ITEMS, "isLast": True}, False, id="the last"),
        pytest.param({"items": ITEMS, "page": 1, "total_pages": 3}, True, id="page 1 of 3"),
        pytest.param({"items": ITEMS, "pagination": {"currentPage": 3, "totalPages": 3}}, False, id="page 3 of 3"),
        pytest.param({"items": ITEMS, "isTruncated": True}, True, id="cut off"),
        pytest.param(
            {"data": {"pets": {"nodes": ITEMS, "pageInfo": {"hasNextPage": True, "endCursor": "c"}}}},
            True,
            id="GraphQL",
        ),
        pytest.param(
            {"data": {"pets": {"nodes": ITEMS, "pageInfo": {"hasNextPage": False, "endCursor": "c"}}}},
            False,
            id="GraphQL, the end",
        ),
        pytest.param({"items": ITEMS, "total": 7}, True, id="a greater total"),
        pytest.param({"items": ITEMS, "total": "7"}, True, id="a greater total as text"),
        pytest.param({"items": ITEMS, "total": 2}, False, id="the total"),
        pytest.param({"items": ITEMS, "resultSizeEstimate": 7}, False, id="an estimate"),
        pytest.param({"items": ITEMS, "offset": 20}, False, id="where it begins"),
        pytest.param({"items": ITEMS, "offset": "20"}, False, id="where it begins, as text"),
        pytest.param({"items": ITEMS, "page_token": "given"}, False, id="what the call gave"),
        pytest.param({"items": ITEMS, "prev_cursor": "p"}, False, id="the way back"),
        pytest.param(ITEMS, False, id="a list alone"),
    ],
)
def test_a_result_leads_on(content, has_more):
    given = {"page_token": "given"} if "page_token" in content else {}
    page = read_page(content, ToolCall(id="call_1", name="LIST_PETS", arguments=given), None)
    assert page is not None
    assert (page.items, page.has_more) == (ITEMS, has_more)


@pytest.mark.parametrize(
    ("content", "noun", "total"),
    [
        pytest.param({"pets": ITEMS, "total": 5}, "pet", 5, id="its name"),
        pytest.param({"data": {"pets": ITEMS}}, "pet", None, id="in a wrapper"),
        pytest.param({"data": {"pets": {"edges": ITEMS, "totalCount": 6}}}, "pet", 6, id="of the holder"),
        pytest.param({"pets": ITEMS, "warnings": []}, "pet", None, id="the one that holds anything"),
        pytest.param({"pets": ITEMS, "total": 1}, "pet", None, id="a total that is too small"),
        pytest.param({"pets": ITEMS, "total": True}, "pet", None, id="a flag is no total"),
    ],
)
def test_a_page_is_of_things(content, noun, total):
    page = read_page(content, None, None)
    assert page is not None
    assert (page.noun, page.total) == (noun, total)


@pytest.mark.parametrize(
    "content",
    [None, "text", 7, {}, {"pet": {"id": "p"}}, {"dogs": ITEMS, "cats": ITEMS}, {"errors": [{"message": "no"}]}],
    ids=str,
)
def test_what_is_no_listing(content):
    assert read_page(content, None, None) is None
