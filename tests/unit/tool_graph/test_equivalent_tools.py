"""Which reading tools serve the same wish, by their names and parameters."""

from typing import Any

import pytest

from funcdex_assets.records.tool import Tool
from funcdex_assets.tool_graph.equivalent_tools import can_read_instead, reads_same_things


def tool(name: str, *parameters: str, toolkit: str = "desk") -> Tool:
    properties: dict[str, Any] = {parameter: {"type": "string"} for parameter in parameters}
    schema = {"type": "object", "properties": properties}
    return Tool(toolkit=toolkit, name=name, description="d", parameters=schema, returns=None, source="test")


@pytest.mark.parametrize(
    ("wanted", "other", "expected"),
    [
        pytest.param(tool("SEARCH_NOTES"), tool("LIST_NOTES"), True, id="a search and a listing"),
        pytest.param(tool("SEARCH_NOTES"), tool("SEARCH_NOTES"), False, id="itself"),
        pytest.param(tool("SEARCH_NOTES"), tool("LIST_TAGS"), False, id="other things"),
        pytest.param(tool("SEARCH_NOTES"), tool("DELETE_NOTES"), False, id="one that does not read"),
        pytest.param(tool("SEARCH_NOTES"), tool("SYNC_NOTES"), False, id="one that does who knows what"),
        pytest.param(tool("ARCHIVE_NOTE"), tool("GET_NOTE"), False, id="what changes something"),
        pytest.param(tool("GET_CONTACT_BY_EMAIL"), tool("SEARCH_CONTACTS"), True, id="by a key, and by words"),
        pytest.param(tool("FETCH_EMAILS"), tool("LIST_THREADS"), True, id="messages in threads"),
        pytest.param(tool("LIST_THREADS"), tool("FETCH_EMAILS"), True, id="threads of messages"),
        pytest.param(tool("GET_EMAIL"), tool("GET_THREAD"), False, id="one message is not one thread"),
        pytest.param(tool("GET_DOCUMENT_PLAINTEXT"), tool("GET_DOCUMENT_BY_ID"), True, id="the whole for its text"),
        pytest.param(tool("GET_DOCUMENT_BY_ID"), tool("GET_DOCUMENT_PLAINTEXT"), False, id="its text for the whole"),
        pytest.param(tool("GET_FILE"), tool("DOWNLOAD_FILE"), False, id="what is shown, and what is handed out"),
        pytest.param(tool("LIST_TASKS"), tool("LIST_COMPLETED_TASKS"), False, id="not all of them"),
        pytest.param(tool("SEARCH_TASKS"), tool("LIST_MY_TASKS"), False, id="not everybody's"),
        pytest.param(tool("LIST_REPOS_FOR_OWNER"), tool("LIST_REPOS_FOR_TEAM"), False, id="not of the same"),
        pytest.param(tool("LIST_PROJECT_TASKS", "project_id"), tool("SEARCH_TASKS_IN_SPACE", "space_id"), True,
                     id="parents are for the arguments"),
        pytest.param(tool("DESK_LIST_NOTES"), tool("SEARCH_NOTES"), True, id="the service's own name"),
        pytest.param(tool("LIST_NOTES"), tool("LIST_NOTES_2", toolkit="hall"), False, id="another service"),
        pytest.param(tool("SEARCH_DOCUMENTS", toolkit="googledocs"), tool("FIND_FILE", toolkit="googledrive"), True,
                     id="a service of the family that finds more"),
        pytest.param(tool("FIND_FILE", toolkit="googledrive"), tool("SEARCH_DOCUMENTS", toolkit="googledocs"), False,
                     id="a service of the family that finds less"),
    ],
)  # fmt: skip
def test_what_shows_all_that_is_asked_for(wanted, other, expected):
    assert can_read_instead(wanted, other) is expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("FETCH_EMAILS", "LIST_THREADS"), ("GET_NOTE", "LIST_NOTES"), ("GET_NOTE", "DELETE_NOTE"), ("A", "B")],
)
def test_what_two_names_have_in_common_they_have_either_way(one, other):
    assert reads_same_things(one, other) is reads_same_things(other, one)
