import enum
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypedDict

import pytest
from pydantic import BaseModel, Field

from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.python_functions import parse_docstring, read_functions, read_module
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.records.tool import Tool

NOTHING = object()


class Colour(enum.Enum):
    red = "red"
    blue = "blue"


@dataclass
class Address:
    street: str
    number: int = 1


class Filter(TypedDict, total=False):
    name: str


class Node(BaseModel):
    name: str = Field(description="Its name.")
    children: list["Node"] = []


class Opaque:
    pass


def draft(function: Callable[..., Any]) -> Draft:
    (found,) = read_functions([function])
    assert isinstance(found, Draft)
    return found


def hinted(hint: Any, default: Any = ...) -> dict[str, Any]:
    def function(value=None): ...

    function.__annotations__ = {"value": hint}
    function.__defaults__ = None if default is ... else (default,)
    return draft(function).parameters["properties"]["value"]


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        pytest.param(int, {"type": "integer"}, id="int"),
        pytest.param(list[str], {"type": "array", "items": {"type": "string"}}, id="list"),
        pytest.param(Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}, id="Optional"),  # noqa: UP045
        pytest.param(Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}, id="Literal"),
        pytest.param(
            Annotated[int, Field(ge=1, description="How many.")],
            {"type": "integer", "minimum": 1, "description": "How many."},
            id="Annotated",
        ),
        pytest.param(dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}, id="dict"),
        pytest.param(Any, {}, id="Any"),
        pytest.param(
            Filter | None,
            {"anyOf": [{"$ref": "#/$defs/Filter"}, {"type": "null"}]},
            id="a TypedDict in a union",
        ),
        pytest.param(
            Annotated[list[Filter], Field(description="All.")],
            {"type": "array", "description": "All.", "items": {"$ref": "#/$defs/Filter"}},
            id="a TypedDict in a list",
        ),
    ],
)
def test_hints(hint: Any, schema: dict) -> None:
    assert hinted(hint) == schema


@pytest.mark.parametrize(
    ("hint", "definition"),
    [
        pytest.param(Colour, {"type": "string", "enum": ["red", "blue"]}, id="Enum"),
        pytest.param(Filter, {"type": "object", "properties": {"name": {"type": "string"}}}, id="TypedDict"),
        pytest.param(
            Node,
            {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "Its name."},
                    "children": {"type": "array", "default": [], "items": {"$ref": "#/$defs/Node"}},
                },
                "required": ["name"],
            },
            id="a model that contains itself",
        ),
    ],
)
def test_named_types_are_shared_definitions(hint: Any, definition: dict) -> None:
    def function(value, other): ...

    function.__annotations__ = {"value": hint, "other": list[hint]}
    parameters = draft(function).parameters
    (name,) = parameters["$defs"]
    assert parameters["properties"]["value"] == {"$ref": f"#/$defs/{name}"}
    assert parameters["properties"]["other"]["items"] == {"$ref": f"#/$defs/{name}"}
    assert parameters["$defs"][name] == definition


def test_a_dataclass_is_an_object() -> None:
    def move(to: Address) -> None: ...

    (definition,) = draft(move).parameters["$defs"].values()
    assert definition["required"] == ["street"]
    assert definition["properties"]["number"] == {"type": "integer", "default": 1}


@pytest.mark.parametrize(
    ("hint", "default", "expected"),
    [
        pytest.param(int, 3, {"default": 3}, id="a value"),
        pytest.param(Optional[int], None, {"default": None}, id="None where it is allowed"),  # noqa: UP045
        pytest.param(int, None, {}, id="None where it is not"),
        pytest.param(Colour, Colour.red, {"default": "red"}, id="a member"),
        pytest.param(int, NOTHING, {}, id="a sentinel"),
    ],
)
def test_defaults(hint: Any, default: Any, expected: dict) -> None:
    schema = hinted(hint, default)
    assert {key: schema[key] for key in schema if key == "default"} == expected


def test_arguments_without_a_default_are_required() -> None:
    def function(a: int, b: int = 1, *, c: str, d: str = "") -> None: ...

    parameters = draft(function).parameters
    assert parameters["required"] == ["a", "c"]
    assert list(parameters["properties"]) == ["a", "b", "c", "d"]
    assert parameters["additionalProperties"] is False


@pytest.mark.parametrize(
    ("hint", "returns"),
    [
        pytest.param(list[int], {"type": "array", "items": {"type": "integer"}}, id="a value"),
        pytest.param(None, {"type": "null"}, id="nothing"),
        pytest.param(Any, None, id="anything"),
        pytest.param(..., None, id="not said"),
    ],
)
def test_returns(hint: Any, returns: Any) -> None:
    def function(): ...

    function.__annotations__ = {} if hint is ... else {"return": hint}
    assert draft(function).returns == returns


def test_what_cannot_be_described_is_left_out_where_a_call_can_do_without() -> None:
    def function(a: int, b: Opaque | None = None, *args: int, **kwargs: int) -> Opaque: ...

    found, *problems = read_functions([function])
    assert list(found.parameters["properties"]) == ["a"]
    assert found.returns is None
    assert [problem.lost for problem in problems] == [False] * 4
    reasons = " ".join(problem.reason for problem in problems)
    assert all(words in reasons for words in ("'b' is left out", "*args", "**kwargs", "its result is left out"))


@pytest.mark.parametrize("hint", [Opaque, Callable[[int], int], "NoSuchName"], ids=["class", "callable", "unknown"])
def test_a_required_argument_that_cannot_be_described_costs_the_function(hint: Any) -> None:
    def function(a): ...

    function.__annotations__ = {"a": hint}
    problem, good = read_functions([function, lambda: None])
    assert isinstance(problem, Problem)
    assert problem.lost
    assert isinstance(good, Draft)


def test_without_hints_the_docstring_and_the_default_tell_types() -> None:
    def function(a, b=5, c=None):
        """Does.

        :param str a: What.
        """

    assert draft(function).parameters["properties"] == {
        "a": {"type": "string", "description": "What."},
        "b": {"type": "integer", "default": 5},
        "c": {},
    }


class Adder:
    """Adds to a sum."""

    def __init__(self, start: int) -> None: ...

    def __call__(self, number: int) -> int: ...

    def reset(self, to: int = 0) -> None:
        """Begins anew."""


def send(to: str, text: str) -> bool:
    """Sends a text."""
    return bool(to and text)


@pytest.mark.parametrize(
    ("function", "name", "arguments", "returns", "description"),
    [
        pytest.param(partial(send, "me"), "send", ["text"], {"type": "boolean"}, "Sends a text.", id="partial"),
        pytest.param(Adder(1).reset, "reset", ["to"], {"type": "null"}, "Begins anew.", id="bound method"),
        pytest.param(Adder(1), "Adder", ["number"], {"type": "integer"}, "Adds to a sum.", id="callable object"),
        pytest.param(Adder, "Adder", ["start"], None, "Adds to a sum.", id="class"),
    ],
)
def test_other_callables(function: Any, name: str, arguments: list[str], returns: Any, description: str) -> None:
    found = draft(function)
    assert (found.name, list(found.parameters["properties"])) == (name, arguments)
    assert (found.returns, found.description) == (returns, description)


def test_what_is_no_function_is_a_problem() -> None:
    (problem,) = read_functions([5])  # type: ignore[list-item]
    assert isinstance(problem, Problem)


GOOGLE = """Adds a task.

    To the list.

    Args:
        title (str): What is
            to be done: soon.
        *tags: Words.
        when: On which day.

    Returns:
        dict: The task.
    """
NUMPY = """Adds a task.

    To the list.

    Parameters
    ----------
    title : str
        What is
        to be done: soon.
    *tags
        Words.
    when : date, optional
        On which day.

    Returns
    -------
    dict
        The task.
    """
REST = """Adds a task.

    To the list.

    :param str title: What is
        to be done: soon.
    :param tags: Words.
    :param when: On which day.
    :type when: date
    :returns: The task.
    :raises ValueError: never
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_docstrings(text: str) -> None:
    told = parse_docstring(text)
    assert told.summary == "Adds a task. To the list."
    assert told.parameters == {"title": "What is to be done: soon.", "tags": "Words.", "when": "On which day."}
    assert told.types["title"] == "str"


@pytest.mark.parametrize(
    "text", ["", "Note: this is a summary.", "Args", "Args:", "Args:\n    nothing here", ":param", "---"]
)
def test_docstrings_of_no_style(text: str) -> None:
    assert parse_docstring(text).parameters == {}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path / "my_tools.py"
    for name in set(sys.modules) - before:
        del sys.modules[name]


SOURCE = """
from __future__ import annotations
from dataclasses import dataclass
from functools import partial
from os.path import join

@dataclass
class Task:
    title: str

def add(task: Task) -> Task: ...
def remove(title: str) -> None: ...
def _hidden(): ...
"""


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("my_tools.py", ["add", "remove"]),
        ("my_tools", ["add", "remove"]),
        ("my_tools:remove", ["remove"]),
        ("my_tools.py:add", ["add"]),
    ],
)
def test_public_functions_of_a_module(module: Path, spec: str, names: list[str]) -> None:
    module.write_text(SOURCE)
    found = list(read_module(spec))
    assert [each.name for each in found] == names
    assert all(isinstance(each, Tool) for each in register_drafts(found, Origin("t", "s")))


def test_all_says_which_are_public(module: Path) -> None:
    module.write_text(SOURCE + '\n__all__ = ["join", "_hidden", "Task", "absent", 5]\n')
    assert [each.name for each in read_module("my_tools.py") if isinstance(each, Draft)] == ["join", "_hidden"]


@pytest.mark.parametrize(
    ("source", "spec", "message"),
    [
        pytest.param(None, "my_tools.py", "is not there", id="no file"),
        pytest.param(None, "no_such_module_here", "ModuleNotFoundError", id="no module"),
        pytest.param("1/0", "my_tools.py", "ZeroDivisionError", id="an error at import"),
        pytest.param("def (", "my_tools.py", "SyntaxError", id="no Python"),
        pytest.param("raise SystemExit(3)", "my_tools.py", "SystemExit: 3", id="a script that ends"),
        pytest.param("", "my_tools.py", "no public function", id="empty"),
        pytest.param("def f(): ...", "my_tools.py:g", "has no function 'g'; it has f", id="no such function"),
        pytest.param(None, "", "cannot be imported", id="nothing"),
    ],
)
def test_modules_that_cannot_be_read(module: Path, source: str | None, spec: str, message: str) -> None:
    if source is not None:
        module.write_text(source)
    path = list(sys.path)
    with pytest.raises(CatalogError, match=message):
        list(read_module(spec))
    assert sys.path == path
