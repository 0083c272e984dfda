"""Tells which of several items of a result an argument is taken from, and whether the user has said which is meant.

Belongs here: what can be known of a choice from the plan and the results so far. How the user names an item, and how
the assistant asks for it, is worded in `roles/`.

>>> find_choices({"files": [{"id": "f1"}, {"id": "f2"}]}, "/files/*/id")
[Choice(array='/files', index=0, items=[{'id': 'f1'}, {'id': 'f2'}], holder='')]
>>> find_choices({"files": [{"id": "f1"}]}, "/files/*/id")  # there is nothing to choose
[]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from funcdex_assets.dialogue.dialogue_state import DialogueState
from funcdex_assets.language.request_phrases import is_next_page_argument
from funcdex_assets.records.plan import PlannedArgument, PlannedStep
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import resolve_schema, schema_at
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import is_calling_name
from funcdex_assets.semantics.result_schema import complete_result_schema
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

OPEN_SHARE_OF_SHOWN = 0.12  # of references to one of several things that were shown: the user leaves open which one
OPEN_SHARE_OF_UNSEEN = 0.2  # of references to what the same message asks for first
MOST_NAMED = 4  # things that the assistant names when it asks which one is meant
_LONGEST_TITLE = 80  # characters; a longer text is no name by which people call a thing
_FIELD_HOLDERS = ("fields", "attributes", "properties")  # of items that keep their fields in an object of their own
_CONTENT_FIELDS = ("content", "text")  # the whole of a small thing, such as a to-do
_GENERIC_ARRAYS = frozenset("data item result value entry record element".split())


@dataclass(frozen=True)
class Choice:
    """One of several `items` of the array at a pointer of a result."""

    array: str
    index: int
    items: Sequence[Any]
    holder: str = ""  # the pointer, within an item, of the object that has the value

    @property
    def item(self) -> Any:
        """The item that is meant; None if there are fewer."""
        return self.items[self.index] if self.index < len(self.items) else None

    @property
    def titles(self) -> list[str]:
        """The titles of the items, or of what they hold at `holder`; '' where there is none."""
        return [find_item_title(at_pointer(item, self.holder) if self.holder else item) for item in self.items]

    @property
    def title(self) -> str:
        """The title of the item; '' if it has none, or if another item has the same."""
        titles = self.titles
        title = titles[self.index] if self.index < len(titles) else ""
        return title if titles.count(title) == 1 else ""

    @property
    def holder_title(self) -> str:
        """The title of the object at `holder` in the item; '' without one. It need not differ from the others': the
        customer of two invoices is one and the same.
        """
        return self.titles[self.index] if self.holder and self.index < len(self.items) else ""

    @property
    def can_be_named(self) -> bool:
        """Says whether the items are few and each has a title of its own, so that one can ask which is meant."""
        titles = self.titles
        return len(titles) <= MOST_NAMED and all(titles) and len(set(titles)) == len(titles)


def find_choices(result: Any, path: str) -> list[Choice]:
    """Returns the choices that a path into a result makes, the outermost first; none where each array has one item."""
    choices: list[Choice] = []
    pointer = ""
    for step in path.split("/")[1:]:
        array = at_pointer(result, pointer) if pointer else result
        if isinstance(array, list) and (step == "*" or step.isdigit()):
            index = 0 if step == "*" else int(step)
            if len(array) > 1:
                choices.append(Choice(pointer, index, array, "" if choices else find_holder(path)))
            pointer = f"{pointer}/{index}"
        else:
            pointer = f"{pointer}/{step}"
    return choices


def find_array(path: str) -> str:
    """Returns the pointer of the outermost array on a path; '' if there is none."""
    steps = path.split("/")
    indices = [index for index, step in enumerate(steps) if step == "*" or step.isdigit()]
    return "/".join(steps[: indices[0]]) or "/" if indices else ""


def find_holder(path: str) -> str:
    """Returns the pointer of the object within an item that has the value at a path; '' if the item itself has it.

    >>> find_holder("/invoices/*/customer/id"), find_holder("/invoices/*/id")
    ('/customer', '')
    """
    steps = path.split("/")[1:]
    position = next((index for index, step in enumerate(steps) if step == "*" or step.isdigit()), None)
    inner_steps = [] if position is None else steps[position + 1 : -1]
    is_nested = inner_steps and not any(step == "*" or step.isdigit() for step in inner_steps)
    return f"/{'/'.join(inner_steps)}" if is_nested else ""


def find_item_title(item: Any) -> str:
    """Returns the title of an item, else its text if that is short; '' if it has nothing by which people call it."""
    if not isinstance(item, dict):
        return ""
    inner = next((item[key] for key in _FIELD_HOLDERS if isinstance(item.get(key), dict)), {})
    texts = {
        key: text
        for key, text in (*item.items(), *inner.items())
        if isinstance(text, str) and 0 < len(text) <= _LONGEST_TITLE and '"' not in text and not is_id(key)
    }
    titles = (text for key, text in texts.items() if is_calling_name(key))
    contents = (text for key, text in texts.items() if key in _CONTENT_FIELDS)
    return next(titles, next(contents, ""))


def find_listed_noun(source_tool: str, path: str) -> str:
    """Returns the noun of the things in the outermost array on a path: that of the tool if they are what it lists.

    >>> find_listed_noun("FETCH_EMAILS", "/messages/*/id"), find_listed_noun("GET_EMAIL", "/email/attachments/*/id")
    ('email', 'attachment')
    """
    parsed = parse_tool_name(source_tool)
    steps = path.split("/")[1:]
    position = next((index for index, step in enumerate(steps) if step == "*" or step.isdigit()), 0)
    words = split_words(steps[position - 1]) if position else ()
    noun = to_singular(words[-1]) if words else ""
    is_what_it_lists = position == 1 and parsed.action == "list"
    return parsed.noun if is_what_it_lists or not noun or noun in _GENERIC_ARRAYS else noun


def is_unseen(state: DialogueState, argument: PlannedArgument) -> bool:
    """Says whether an argument is taken from what the same user message asks for, which the user has not seen."""
    return argument.step is not None and state.plan.steps[argument.step].turn == state.turn_index


def leaves_choice_open(state: DialogueState, step: PlannedStep, argument: PlannedArgument) -> bool:
    """Says whether the user does not say which of several things is meant, and is asked: seldom, where nothing else is
    open in the turn, and of an unseen listing only if it comes first and shows titles.
    """
    plan = state.plan
    turn = plan.turns[step.turn]
    steps = [other for other in plan.steps if other.turn == step.turn]
    source = plan.steps[argument.step] if argument.step is not None else None
    if turn.kind != "request" or plan.kind in ("command", "single_turn") or source is None or plan.is_spoken:
        return False
    if any(is_next_page_argument(a) for other in steps for a in other.arguments):  # it asks for more of one listing
        return False
    if any(other.fault or other.together for other in steps) or any(
        a.withheld for other in steps for a in other.arguments
    ):
        return False
    if len(_find_choosing_arguments(steps)) != 1 or not _is_what_is_listed(argument, source.tool):
        return False
    rng = build_generator("open choice", plan.plan_id, step.turn)
    if source.turn != step.turn:
        shown = (
            state.results[argument.step] if argument.step is not None and argument.step < len(state.results) else None
        )
        choices = find_choices(shown, argument.result or "")
        return len(choices) == 1 and choices[0].can_be_named and rng.random() < OPEN_SHARE_OF_SHOWN
    return (
        rng.random() < OPEN_SHARE_OF_UNSEEN
        and source is steps[0]
        and step is steps[1]
        and _shows_titles(state, source.tool, argument.result or "")
    )


def find_open_choice(state: DialogueState) -> tuple[PlannedArgument, Choice] | None:
    """Returns the argument of the next step for which the user has to say which of several things is meant, with the
    choice; None if nothing is open, or if the user was asked in this turn.
    """
    pending_steps = state.list_pending_steps()
    if not pending_steps or state.user_messages_this_turn > 1:
        return None
    for argument in pending_steps[0].arguments:
        if argument.source == "result" and argument.step is not None and argument.step < len(state.results):
            choices = find_choices(state.results[argument.step], argument.result or "")
            if choices and leaves_choice_open(state, pending_steps[0], argument):
                return argument, choices[0]
    return None


def _is_what_is_listed(argument: PlannedArgument, source_tool: str) -> bool:
    """Says whether an argument names one of the listed things itself, and not something that belongs to it."""
    noun = to_singular(parse_resource_noun(argument.argument.rsplit("/", 1)[-1]).rpartition(" ")[2])
    return noun in ("", find_listed_noun(source_tool, argument.result or "").rpartition(" ")[2])


def _find_choosing_arguments(steps: Sequence[PlannedStep]) -> set[tuple[int | None, str, str]]:
    """Returns the arrays from which the steps of a turn take an item, each by its step, pointer and holder."""
    return {
        (argument.step, array, find_holder(argument.result or ""))
        for step in steps
        for argument in step.arguments
        if argument.source == "result" and (array := find_array(argument.result or ""))
    }


def _shows_titles(state: DialogueState, tool: str, path: str) -> bool:
    """Says whether the items of the array on a path have a title by the tool's definition."""
    root = complete_result_schema(state.tools[tool])
    schema = schema_at(root, f"{find_array(path).rstrip('/')}/*") or {}
    required = schema.get("required", ())
    return any(
        name in required and (is_calling_name(name) or name in _CONTENT_FIELDS) and not is_id(name)
        for name, field in schema.get("properties", {}).items()
        if resolve_schema(field, root).get("type") == "string"
    )
