"""Renders the files of the top-level folder `grammars/`, so that they always are what the code makes.

Two kinds of grammar are kept there: the generic ones, which define the markup for people, and `two_tools`, an example
of what engines are sent, in each notation. A change of any printer or rule shows in them; `scripts/write_grammars.py`
writes them anew. The README and the examples in `grammars/` are written by hand.

>>> sorted(render_grammar_files())[:2]
['conversation.gbnf', 'conversation_with_thoughts.gbnf']
"""

from funcdex_assets.dml.grammar.conversation import Bounds, build_conversation_grammar
from funcdex_assets.dml.grammar.generic import render_generic_grammar
from funcdex_assets.dml.notation import Notation
from funcdex_assets.records.tool import Tool

_TWO_TOOLS = (
    Tool(
        toolkit="example",
        name="FIND_FILES",
        description="",
        source="example",
        parameters={
            "type": "object",
            "properties": {
                "query": {"type": "string", "maxLength": 100},
                "kind": {"enum": ["document", "image"]},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50},
            },
            "required": ["query"],
        },
        returns={
            "type": "object",
            "properties": {
                "files": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"file_id": {"type": "string", "pattern": "^[0-9a-f]{8}$"}},
                        "required": ["file_id"],
                    },
                }
            },
            "required": ["files"],
        },
    ),
    Tool(
        toolkit="example",
        name="SEND_FILE",
        description="",
        source="example",
        parameters={
            "type": "object",
            "properties": {
                "file_id": {"type": "string", "pattern": "^[0-9a-f]{8}$"},
                "to": {"type": "string", "format": "email"},
            },
            "required": ["file_id", "to"],
        },
        returns={"type": "object", "properties": {"sent": {"type": "boolean"}}, "required": ["sent"]},
    ),
)
_SUFFIXES: dict[Notation, str] = {"gbnf": "gbnf", "lark": "lark", "structural_tag": "structural_tag.json"}


def render_grammar_files() -> dict[str, str]:
    """Returns the text of each grammar file by its name in `grammars/`."""
    language = build_conversation_grammar(_TWO_TOOLS, thoughts=True, bounds=Bounds())
    return {
        "conversation.gbnf": render_generic_grammar(thoughts=False),
        "conversation_with_thoughts.gbnf": render_generic_grammar(thoughts=True),
        **{f"two_tools.{suffix}": language.render_in_notation(notation) for notation, suffix in _SUFFIXES.items()},
    }
