"""How many id edges among four Google toolkits are right, and how many of the right ones are found.

`google_tools.json.gz` holds the tools that `loaders.google_discovery` makes of the discovery documents of Gmail v1,
Calendar v3, Drive v3 and Docs v1 (google-api-python-client 2.202, Apache 2.0), with descriptions cut after 200
characters. `gold_google.json` says by hand which field of a result truly gives a value for which required id:

- `values`: a kind of value, and where it is found: JSON pointer → tools. It was written as rules over the documents'
  schemas ("a message is identified by `Message.id`, wherever a `Message` is"), and every group was then read through.
- `arguments`: the required arguments that take an id, all of them but `userId` (its default is `me`) and e-mail
  addresses, which people know. `from` lists the kinds of values that fill it. `perhaps` lists those about which one
  may differ: the id of a message that is gone, of a shared drive for its top folder, of a comment in another API. They
  count neither as right nor as wrong.

Across services a document's id is a file's id and the other way round, and so is the `fileId` of an event's
attachment; a folder or an image is a file but no document. Ids that a caller makes up (`requestId`) have no source.
Nothing in the graph knows these services.
"""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.tool_graph.graph import build_graph

HERE = Path(__file__).parent
GOLD = json.loads((HERE / "gold_google.json").read_text("utf-8"))
TARGETS, EDGES = 149, 3640

Field = tuple[str, str]


class Score(NamedTuple):
    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / ((self.right + self.wrong) or 1)

    @property
    def recall(self) -> float:
        return self.right / ((self.right + self.missed) or 1)


@cache
def tools() -> tuple[Tool, ...]:
    return tuple(msgspec.json.decode(gzip.decompress((HERE / "google_tools.json.gz").read_bytes()), type=list[Tool]))


@cache
def found() -> dict[Field, set[Field]]:
    sources: dict[Field, set[Field]] = {}
    for edge in build_graph(tools()):
        if edge.kind == "id":
            sources.setdefault((edge.target_tool, edge.target_path), set()).add((edge.source_tool, edge.source_path))
    return sources


def fields(kinds: list[str]) -> set[Field]:
    return {(tool, path) for kind in kinds for path, names in GOLD["values"][kind].items() for tool in names}


def score(argument: dict[str, Any]) -> Score:
    true, open_to_doubt = fields(argument["from"]), fields(argument.get("perhaps", []))
    right = wrong = missed = 0
    for tool in argument["tools"]:
        claimed = found().get((tool, argument["path"]), set()) - open_to_doubt
        right, wrong, missed = (
            right + len(claimed & true),
            wrong + len(claimed - true),
            missed + len(true - claimed),
        )
    return Score(right, wrong, missed)


def schema_at(tool: Tool, pointer: str) -> Any:
    schema = resolve_schema(tool.returns, tool.returns)
    for step in pointer.split("/")[1:]:
        schema = schema["items"] if step == "*" else schema["properties"][step]
        schema = resolve_schema(schema, tool.returns)
    return schema


def test_the_gold_set_names_texts_that_results_have() -> None:
    by_name = {tool.name: tool for tool in tools()}
    for kind, places in GOLD["values"].items():
        for pointer, names in places.items():
            for name in names:
                assert schema_at(by_name[name], pointer)["type"] == "string", (kind, name, pointer)


def test_the_gold_set_names_required_arguments_once() -> None:
    by_name = {tool.name: tool for tool in tools()}
    named = [(tool, argument["path"]) for argument in GOLD["arguments"] for tool in argument["tools"]]
    assert len(named) == len(set(named)) == TARGETS
    assert all(path[1:] in by_name[tool].parameters["required"] for tool, path in named)
    assert sum(len(fields(each["from"])) * len(each["tools"]) for each in GOLD["arguments"]) == EDGES


def test_no_required_argument_whose_name_says_id_is_forgotten() -> None:
    named = {(tool, argument["path"]) for argument in GOLD["arguments"] for tool in argument["tools"]}
    required = {(tool.name, f"/{name}") for tool in tools() for name in tool.parameters.get("required", ())}
    forgotten = {path for tool, path in required - named if path.lower().endswith(("id", "ids"))}
    assert forgotten == {"/userId"}


def test_edges_into_required_ids_are_right_and_nearly_all_there() -> None:
    scores = [score(argument) for argument in GOLD["arguments"]]
    total = Score(*map(sum, zip(*scores, strict=True)))
    assert total.precision >= 0.95, total
    assert total.recall >= 0.90, total


def test_small_groups_count_as_much_as_the_one_of_files() -> None:
    """Of 3,640 edges 2,106 lead into a `fileId`."""
    scores = [score(argument) for argument in GOLD["arguments"]]
    claimed = [each.precision for each in scores if each.right + each.wrong]
    asked = [each.recall for each in scores if each.right + each.missed]
    assert sum(claimed) / len(claimed) >= 0.95
    assert sum(asked) / len(asked) >= 0.90


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("gmail_users_drafts_send/id", "gmail_users_drafts_send/id"),  # what is sent is a message
        ("gmail_users_labels_get/id", "gmail_users_messages_get/classificationLabelValues/*/labelId"),
        ("drive_drives_create/requestId", "calendar_events_get/conferenceData/createRequest/requestId"),
        ("docs_documents_get/documentId", "drive_files_list/files/*/parents/*"),  # a folder
        ("drive_revisions_get/revisionId", "docs_documents_get/revisionId"),
        ("calendar_events_get/eventId", "calendar_events_get/conferenceData/conferenceId"),
    ],
)
def test_what_only_looks_alike_is_no_edge(target: str, source: str) -> None:
    tool, _, path = target.partition("/")
    assert tuple(source.split("/", 1)) not in {(name, where[1:]) for name, where in found().get((tool, f"/{path}"), ())}
