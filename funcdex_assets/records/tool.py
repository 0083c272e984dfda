"""Records of the callable tools, the edges between them, and the chains that are drawn along the edges."""

from typing import Literal

from funcdex_assets.records.labels import Kind
from funcdex_assets.records.record import Json, Record


class Tool(Record, frozen=True):
    """One function that an assistant may call.

    `parameters` is a JSON Schema 2020-12 of type object; `returns` is the schema of a successful
    result, or None when the source does not say. `name` is unique within its toolkit and legal as
    an OpenAI function name (`^[A-Za-z0-9_-]{1,64}$`); `original_name` is how the source spells it, where that
    differs. `errors` are schemas of failed results, by status or name. `source` says where the definition is
    from, `licence` what that says of its use.
    """

    toolkit: str
    name: str
    description: str
    parameters: Json
    returns: Json
    source: str
    original_name: str = ""
    errors: Json = None
    licence: str = ""


class ToolEdge(Record, frozen=True):
    """A field of one tool's result can fill an argument of another tool.

    Paths are JSON pointers in which `*` stands for any array index: `/threads/*/id`.
    `weight` is in (0, 1]; `reason` is for people.
    """

    source_tool: str
    source_path: str
    target_tool: str
    target_path: str
    kind: Literal["id", "page", "address", "text", "link"]
    weight: float
    reason: str


class Binding(Record, frozen=True):
    """In a chain: the argument at `argument` is taken from the result of step `step` at `result`."""

    argument: str
    step: int
    result: str
    kind: str


class ChainStep(Record, frozen=True):
    """`together`: called at once with the step before, in one message. `goal`: which of the conversation's goals it
    serves, counted from 0 in their order.
    """

    tool: str
    bindings: tuple[Binding, ...]
    together: bool = False
    goal: int = 0


class ToolChain(Record, frozen=True):
    """A sequence of calls: each uses an earlier result, or is joined with one by the next call.

    `kind` is what conversations about it shall show, `pattern` the shape of the chain. `held_out` chains serve the
    test split only. The side is a function of the chain's tools, so a chain is on the same side in every partition
    and every night. Under `single_turn` a chain is one request for its calls, and the same calls are other chains.
    """

    chain_id: str
    kind: Kind
    pattern: str
    toolkits: tuple[str, ...]
    steps: tuple[ChainStep, ...]
    held_out: bool
