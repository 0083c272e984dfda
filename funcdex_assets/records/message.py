"""Records of messages: what is said, called and returned."""

from funcdex_assets.records.labels import Role
from funcdex_assets.records.record import Json, Record


class ToolCall(Record, frozen=True):
    """`id` is `call_1`, `call_2`, … in the order of the conversation."""

    id: str
    name: str
    arguments: Json


class ToolResult(Record, frozen=True):
    """The result of the call `call_id`; `content` is a JSON value, `error` marks a failed call."""

    call_id: str
    name: str
    content: Json
    error: bool = False


class Message(Record, frozen=True):
    """One message. Its role decides which fields it has:

    user:      `content`
    assistant: `content` and/or `tool_calls` (several = parallel), perhaps a `thought` before them
    tool:      `result`, in the order of the calls it answers
    """

    role: Role
    content: str | None = None
    thought: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    result: ToolResult | None = None
