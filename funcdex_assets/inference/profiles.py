"""The kinds of OpenAI-compatible servers, and how each wants to be told of a constraint.

Here belongs what differs between servers; what they share is in `openai_compatible.py`.

>>> PROFILES["llama_cpp"].grammar(GrammarConstraint('root ::= "yes" | "no"'))
{'grammar': 'root ::= "yes" | "no"'}
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from funcdex_assets.inference.protocol import GrammarConstraint, JsonSchemaConstraint
from funcdex_assets.records import Json

ProfileName = Literal["vllm", "llama_cpp", "openai"]


class Profile(msgspec.Struct, frozen=True):
    """Constraints become fields of the request's body; `grammar` is None where a server takes none."""

    base_url: str
    json_schema: Callable[[JsonSchemaConstraint], dict[str, Json]]
    grammar: Callable[[GrammarConstraint], dict[str, Json]] | None


def _response_format(constraint: JsonSchemaConstraint) -> dict[str, Json]:
    # Not strict: strict mode refuses optional properties, which most tools have.
    schema = {"name": constraint.name, "schema": constraint.schema, "strict": False}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


PROFILES: dict[ProfileName, Profile] = {
    # guided_grammar and guided_json, which vLLM took before 0.12, are ignored without a word by later ones.
    "vllm": Profile(
        base_url="http://127.0.0.1:8000/v1",
        json_schema=lambda constraint: {"structured_outputs": {"json": constraint.schema}},
        grammar=lambda constraint: {"structured_outputs": {"grammar": constraint.grammar}},
    ),
    # A top-level json_schema is passed on beside the grammar made from it, which some builds refuse as
    # 'Either "json_schema" or "grammar" can be specified'; response_format is not passed on.
    "llama_cpp": Profile(
        base_url="http://127.0.0.1:8080/v1",
        json_schema=_response_format,
        grammar=lambda constraint: {"grammar": constraint.grammar},
    ),
    "openai": Profile(base_url="https://api.openai.com/v1", json_schema=_response_format, grammar=None),
}
