"""Defines the kinds of OpenAI-compatible servers, and the request fields in which each takes a constraint.

Add here what differs between servers; what they share is in `openai_compatible.py`.

>>> PROFILES["llama_cpp"].grammars["gbnf"]('root ::= "yes" | "no"')
{'grammar': 'root ::= "yes" | "no"'}
"""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from funcdex_assets.dml.notation import Notation
from funcdex_assets.inference.protocol import JsonSchemaConstraint
from funcdex_assets.records.record import Json

ProfileName = Literal["vllm", "llama_cpp", "openai"]


class Profile(msgspec.Struct, frozen=True):
    """A kind of server: its default URL, and functions from a constraint to fields of the request's body.

    `grammars` has the notations that the server takes, the default first; it is empty for a server that takes no
    grammar.
    """

    base_url: str
    json_schema: Callable[[JsonSchemaConstraint], dict[str, Json]]
    grammars: Mapping[Notation, Callable[[str], dict[str, Json]]]

    @property
    def default_notation(self) -> Notation | None:
        return next(iter(self.grammars), None)


def _response_format(constraint: JsonSchemaConstraint) -> dict[str, Json]:
    # Not strict: strict mode refuses optional properties, which most tools have.
    schema = {"name": constraint.name, "schema": constraint.schema, "strict": False}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _structured_grammar(text: str) -> dict[str, Json]:
    return {"structured_outputs": {"grammar": text}}


def _grammar_field(text: str) -> dict[str, Json]:
    return {"grammar": text}


PROFILES: dict[ProfileName, Profile] = {
    # guided_grammar and guided_json, which vLLM took before 0.12, are silently ignored by later versions.
    # Which notations a server honours depends on its backend (xgrammar, guidance); the probe finds out.
    "vllm": Profile(
        base_url="http://127.0.0.1:8000/v1",
        json_schema=lambda constraint: {"structured_outputs": {"json": constraint.schema}},
        # First, since xgrammar computes masks fast only with the structural tag's budgets (docs/grammars.md).
        grammars={
            "structural_tag": lambda text: {"structured_outputs": {"structural_tag": text}},
            "lark": _structured_grammar,
            "gbnf": _structured_grammar,
        },
    ),
    # A top-level json_schema is passed on beside the grammar made from it, which some builds refuse as
    # 'Either "json_schema" or "grammar" can be specified'; response_format is not passed on. Lark is taken
    # by builds with llguidance.
    "llama_cpp": Profile(
        base_url="http://127.0.0.1:8080/v1",
        json_schema=_response_format,
        grammars={"gbnf": _grammar_field, "lark": _grammar_field},
    ),
    "openai": Profile(base_url="https://api.openai.com/v1", json_schema=_response_format, grammars={}),
}
