"""A small clean conversation, and the words to write others in: for the tests beside this file."""

from typing import Any

from funcdex_assets.checks.findings import Case
from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool

SCENARIO = Scenario(
    scenario_id="scenario_1",
    chain_id="chain_1",
    kind="multi_step",
    title="Gym roof: send the email",
    text="Ada Lind has to write to somebody about the snow on the gym roof.",
    industry="schools",
    matter="gym roof snow load",
    tools=("FIND_CONTACT", "SEND_EMAIL"),
    held_out=False,
)
PERSONA = Persona(
    persona_id="persona_1",
    scenario_id="scenario_1",
    name="Ada Lind",
    email="ada.lind@lindenhill.com",
    position="caretaker",
    company="Linden Hill School",
    industry="schools",
    context="Ada Lind has been the caretaker for nine years.",
    register="brisk",
    time_zone="Europe/Berlin",
    today="2025-10-01T09:30:00+02:00",
)
HERE: Situation = build_situation(SCENARIO, PERSONA)


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_TEXT = {"type": "string"}
FIND_CONTACT = Tool(
    toolkit="mail",
    name="FIND_CONTACT",
    description="Finds a contact.",
    parameters=_object(("query",), query=_TEXT, limit={"type": "integer"}, user_id={"type": "string", "default": "me"}),
    returns=_object(("contacts",), contacts={"type": "array", "items": {"type": "object"}}),
    source="test",
)
SEND_EMAIL = Tool(
    toolkit="mail",
    name="SEND_EMAIL",
    description="Sends an email.",
    parameters=_object(
        ("to", "subject"),
        to={"type": "string", "format": "email"},
        subject=_TEXT,
        send_at={"type": "string", "format": "date-time"},
        contact_id=_TEXT,
        importance={"type": "string", "enum": ["high", "low"]},
        format={"const": "v1"},
        kind={"type": "string", "enum": ["plain"]},
        time_zone=_TEXT,
        from_email=_TEXT,
        copies={"type": "array", "items": {"type": "string", "format": "email"}},
        draft={"type": "boolean"},
        retries={"type": "integer", "default": 3},
    ),
    returns=_object(("message_id",), message_id=_TEXT, status=_TEXT),
    source="test",
)
TOOLS = {tool.name: tool for tool in (FIND_CONTACT, SEND_EMAIL)}
CONTACTS = {"contacts": [{"id": "c_91", "name": "Bo Varga", "email": "bo.varga@fiberlake.com"}]}


def user(text: str) -> Message:
    return Message(role="user", content=text)


def assistant(text: str | None, *calls: ToolCall) -> Message:
    return Message(role="assistant", content=text, tool_calls=calls)


def call(number: int, name: str, **arguments: Any) -> ToolCall:
    return ToolCall(id=f"call_{number}", name=name, arguments=arguments)


def result(number: int, name: str, content: Any, error: bool = False) -> Message:
    return Message(role="tool", result=ToolResult(call_id=f"call_{number}", name=name, content=content, error=error))


CLEAN = (
    user('Find the contact called "Varga".'),
    assistant(None, call(1, "FIND_CONTACT", query="Varga")),
    result(1, "FIND_CONTACT", CONTACTS),
    assistant("I found Bo Varga."),
    user('Send that person an email with the subject "Snow on the roof".'),
    assistant(None, call(2, "SEND_EMAIL", to="bo.varga@fiberlake.com", subject="Snow on the roof")),
    result(2, "SEND_EMAIL", {"message_id": "m_7", "status": "sent"}),
    assistant("It is sent to bo.varga@fiberlake.com, status sent."),
)


def case(messages: tuple[Message, ...] = CLEAN) -> Case:
    return Case(messages, TOOLS, trace_arguments(messages, TOOLS, HERE), HERE)
