r"""Renders the GBNF grammars of the markup for any tools: the files `grammars/conversation*.gbnf`.

They define the canonical form for people, with comments, and hold parser and renderer to it in the tests; no engine
is sent them, since `conversation` builds a grammar for exactly the tools of a conversation. The rules that follow
from the tags' names (which `<` opens no tag) and from the depth of nesting are computed here, the rest is text.

>>> render_generic_grammar(thoughts=False).splitlines()[-1]
'value-7 ::= scalar | "[]" | "{}"'
>>> print(_render_not_tag_rules(["to", "tool"]))
not-name ::= [a-su-z_>] | "t" not-to
not-to ::= [a-np-z_/>] | "o" [a-np-z_/] | "oo" [a-km-z_/>] | "ool" [a-z_/]
"""

from collections.abc import Iterable, Sequence

from funcdex_assets.dml.markup import TAG_NAMES

_WIDTH = 104  # of a line of alternatives, in characters
_LEVELS = 6
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

_TEMPLATE = r"""
# Conversations in the Dialog Markup Language, {with_or_without} thoughts: GBNF for llama.cpp and xgrammar.
#
# Accepts canonical texts only (README.md tells the language): what a model writes under it, `parse`
# takes and `render` writes back unchanged. One thing no grammar of this kind can say: an object's keys
# differ. Every repetition is bounded, so that a model that never wants to stop still ends.

# A conversation: 3 to 8 turns. A turn: the user speaks, the assistant works in up to 6 steps, then
# replies. Text right before a call belongs to the message that makes the call.
root ::= turn{3,8}
turn ::= user step{0,6} reply
user ::= "</user>" text
step ::= {thought}utterance? calls
reply ::= {thought}utterance
utterance ::= "</assistant>" text
{thought_rule}
# One call with what came of it, or 2 to 4 such pairs made at once.
calls ::= pair | "<parallel>\n" pair{2,4} "</parallel>\n"
pair ::= call (response | error)
call ::= "<tool>{\"name\": \"" [a-zA-Z0-9_-]{1,64} "\", \"arguments\": " object-1 "}</tool>\n"
response ::= "<tool_response>" value-1 "</tool_response>\n"
error ::= "<tool_error>" value-1 "</tool_error>\n"

# Text: up to 200 words of up to 240 characters, so it neither begins nor ends in white space (which is
# what Python's str.strip removes). Any character but NUL, and no tag: see below.
text ::= " " words "\n"
words ::= word next-word{0,199}
next-word ::= space{1,16} word
word ::= word-part{1,240} begun{0,8} | begun{1,8}
word-part ::= [^<\x00\t-\r\x1C-\x20\x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000] |
  begun{1,8} [^a-z_/><\x00\t-\r\x1C-\x20\x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000] |
  begun{0,8} not-tag
space ::= [\t-\r\x1C-\x20\x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]

# A `<` that makes no tag. A tag is "<", perhaps "/", a name, ">"; there are seven names:
# user, assistant, assistant_thought, tool, tool_response, tool_error, parallel.
# `begun` is a tag that breaks off: at the end, at another "<", or at a character that no tag contains.
# `not-tag` goes wrong at a character that a tag may contain elsewhere; each alternative of `not-…` is a
# beginning of a name (after its first letter) and the characters that do not go on with it.
# To say a tag, a text writes "<\tool>", which is a `begun` and a character that no tag contains.
begun ::= "<" "/"? name-begun?
{name_begun_rule}
not-tag ::= "<" not-name | "</" (not-name | "/")
{not_tag_rules}

# JSON, written in one way: ", " and ": ", the short escapes, non-ASCII characters as themselves, "<" as
# \u003c where it would make a tag. The first alternative of `string-part` is what nearly every
# character takes; it stands flat under the repetition, because nesting there costs milliseconds per
# token (xgrammar).
string ::= "\"" string-part{0,800} begun{0,8} "\""
string-part ::= [^"\\<\x00-\x1F] | escape | begun{1,8} [^a-z_/><"\\\x00-\x1F] | begun{1,8} escape |
  begun{0,8} not-tag
escape ::= "\\" ["\\bfnrt] | "\\u00" control | "\\u003c" "/"? name ">"
control ::= "0" [0-7bef] | "1" [0-9a-f]
{name_rule}

# Numbers as a shortest decimal: at most 15 digits, so that a double holds them exactly as written;
# plain from 0.00001 up to 1e16, with an exponent outside.
scalar ::= string | number | "true" | "false" | "null"
number ::= "0" | "-"? ([1-9] [0-9]{0,17} | decimal | exponential)
decimal ::= [1-9] [0-9]{0,8} "." fraction | "0." ("0" | "0"{0,4} [1-9] ([0-9]{0,5} [1-9])?)
fraction ::= "0" | [0-9]{0,5} [1-9]
exponential ::= [1-9] ("." [0-9]{0,5} [1-9])? "e" (large | "-" small)
large ::= "1" [6-9] | [2-9] [0-9] | [12] [0-9] [0-9]
small ::= [6-9] | [1-9] [0-9] | [12] [0-9] [0-9]

# {levels} levels of arrays and objects, and empty ones below; the number in a name is the level.
{level_rules}
"""


def render_generic_grammar(*, thoughts: bool) -> str:
    """Returns the GBNF text (llama.cpp, xgrammar) of canonical conversations, with or without thoughts."""
    thought_rule = 'thought ::= "<assistant_thought>" words "</assistant_thought>\\n"\n'
    # Not str.format: the template is full of GBNF's own braces.
    fillings = {
        "with_or_without": "with" if thoughts else "without",
        "thought": "thought " if thoughts else "",
        "thought_rule": thought_rule if thoughts else "",
        "name_begun_rule": _wrap_rule("name-begun", _quote(_list_beginnings(TAG_NAMES))),
        "not_tag_rules": _render_not_tag_rules(TAG_NAMES),
        "name_rule": _wrap_rule("name", _quote(sorted(TAG_NAMES))),
        "levels": str(_LEVELS),
        "level_rules": _render_level_rules(_LEVELS),
    }
    text = _TEMPLATE.removeprefix("\n")
    for name, filling in fillings.items():
        text = text.replace(f"{{{name}}}", filling)
    return text


def _list_beginnings(names: Iterable[str]) -> list[str]:
    """Returns all beginnings of the names, the whole names too, in alphabetical order."""
    return sorted({name[:length] for name in names for length in range(1, len(name) + 1)})


def _render_not_tag_rules(names: Sequence[str]) -> str:
    """Returns the rules that follow a name's beginning by a character with which no name goes on."""
    first_letters = sorted({name[0] for name in names})
    families = {letter: min((name for name in names if name[0] == letter), key=len) for letter in first_letters}
    references = [f'"{letter}" not-{family}' for letter, family in families.items()]
    rules = [_wrap_rule("not-name", [_render_class_without(first_letters, slash=False), *references])]
    for letter, family in families.items():
        alternatives: list[str] = []
        for beginning in _list_beginnings(name for name in names if name[0] == letter):
            following = {f"{name}>"[len(beginning)] for name in names if name.startswith(beginning)}
            prefix = f'"{beginning[1:]}" ' if beginning[1:] else ""
            alternatives.append(prefix + _render_class_without(following, slash=True))
        rules.append(_wrap_rule(f"not-{family}", alternatives))
    return "\n".join(rules)


def _render_class_without(excluded: Iterable[str], *, slash: bool) -> str:
    """Returns the class of the characters that occur in tags (`a` to `z`, `_`, `/`, `>`), but not the excluded."""
    excluded = set(excluded)
    runs = "".join(" " if letter in excluded else letter for letter in _LETTERS).split()
    ranges = [run if len(run) < 3 else f"{run[0]}-{run[-1]}" for run in runs]
    signs = [sign for sign in ("_/>" if slash else "_>") if sign not in excluded]
    return f"[{''.join([*ranges, *signs])}]"


def _render_level_rules(levels: int) -> str:
    """Returns the rules of values, arrays and objects, a set for each level of nesting."""
    rules = [
        f"value-{level} ::= scalar | array-{level} | object-{level}\n"
        f'array-{level} ::= "[" (value-{level + 1} (", " value-{level + 1}){{0,49}})? "]"\n'
        f'object-{level} ::= "{{" (string ": " value-{level + 1} (", " string ": " value-{level + 1}){{0,49}})? "}}"\n'
        for level in range(1, levels + 1)
    ]
    return "\n".join([*rules, f'value-{levels + 1} ::= scalar | "[]" | "{{}}"'])


def _quote(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _wrap_rule(name: str, alternatives: Sequence[str]) -> str:
    """Returns a rule of these alternatives, on several lines if it is longer than `_WIDTH`."""
    lines = [f"{name} ::= {alternatives[0]}"]
    for alternative in alternatives[1:]:
        if len(f"{lines[-1]} | {alternative} |") > _WIDTH:
            lines[-1] += " |"
            lines.append(f"  {alternative}")
        else:
            lines[-1] += f" | {alternative}"
    return "\n".join(lines)
