r"""Defines a grammar for each string format of JSON Schema (`email`, `date`, `uri` …).

Add a format here. Each has one simple form: not every possible e-mail address is a sentence, but every sentence is
an e-mail address, for every validator. Most formats are regular expressions; addresses and links, which occur in
most conversations, are runs (see `tree`), because as counted repetitions they cost milliseconds per token.

>>> from funcdex_assets.dml.grammar.gbnf import render_node
>>> print(render_node(find_format_rules("email")[""]))
"\"" email-local "@" domain "\""
>>> find_format_rules("color") is None
True
"""

from collections.abc import Mapping
from functools import cache

from funcdex_assets.dml.grammar.patterns import translate_pattern
from funcdex_assets.dml.grammar.tree import Literal, Node, Ref, Run, character_class, optional, repeat, sequence

_DAY = r"((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
_DATE = rf"(19|20)[0-9]{{2}}-{_DAY}"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])"
_PATTERNS = {
    "date": _DATE,
    "date-time": f"{_DATE}T{_TIME}",
    "time": _TIME,
    "duration": r"P([1-9][0-9]?D|T[1-9][0-9]?[HM])",
    "ipv4": r"([1-9][0-9]?|1[0-9]{2})(\.([1-9]?[0-9]|1[0-9]{2})){3}",
    "ipv6": r"[1-9a-f][0-9a-f]{0,3}(:[1-9a-f][0-9a-f]{0,3}){7}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "json-pointer": r"(/[a-z0-9_]{1,10}){0,4}",
    "relative-json-pointer": r"[0-9](/[a-z0-9_]{1,10}){0,4}",
    "regex": r"[A-Za-z0-9 ]{1,20}",
}

_LETTER_OR_DIGIT, _SMALL = character_class("A-Za-z0-9"), character_class("a-z0-9")
# At most 61 characters, so that neither the part before the `@` (64) nor a label of the host (63) is too
# long. A host has no two hyphens in a row.
_LOCAL = Run(
    (_LETTER_OR_DIGIT, *(sequence(Literal(sign), _LETTER_OR_DIGIT) for sign in "._+-")),
    (),
    most=30,
    first=_LETTER_OR_DIGIT,
    longest=61,
)
_HOST = Run((_SMALL, *(sequence(Literal(sign), _SMALL) for sign in ".-")), (), most=30, first=_SMALL, longest=61)
_HOSTS: dict[str, Node] = {
    "host": _HOST,
    "domain": sequence(Ref("host"), Literal("."), repeat(character_class("a-z"), 2, 8)),
}
_EMAIL = {
    "email-local": _LOCAL,
    **_HOSTS,
    "": sequence(Literal('"'), Ref("email-local"), Literal("@"), Ref("domain"), Literal('"')),
}
_HOSTNAME = {**_HOSTS, "": sequence(Literal('"'), Ref("domain"), Literal('"'))}
_URI = {
    **_HOSTS,
    "uri-host": sequence(Literal('"http'), optional(Literal("s")), Literal("://"), Ref("domain")),
    "uri-path": Run((character_class("A-Za-z0-9._~=&?/+-"),), (), most=240),
    "": sequence(Ref("uri-host"), optional(sequence(Literal("/"), Ref("uri-path"))), Literal('"')),
}
_RUNS: dict[str, Mapping[str, Node]] = {
    **dict.fromkeys(("email", "idn-email"), _EMAIL),
    **dict.fromkeys(("hostname", "idn-hostname"), _HOSTNAME),
    **dict.fromkeys(("uri", "uri-reference", "uri-template", "iri", "iri-reference"), _URI),
}
_LONGEST = {"email": 132, "idn-email": 132, "hostname": 70, "idn-hostname": 70}
_LONGEST_URI = 1000  # a generous bound: the path of a URI is counted in tokens, not in characters


@cache
def find_format_rules(kind: str) -> Mapping[str, Node] | None:
    """Returns the rules of a format, each after those that it refers to; the last, "", is the format's own.

    Returns None for a format that JSON Schema does not define, which therefore restricts nothing.
    """
    if kind in _PATTERNS:
        return {"": sequence(Literal('"'), translate_pattern(_PATTERNS[kind], longest=100), Literal('"'))}
    return _RUNS.get(kind)


def measure_longest_sentence(kind: str) -> int:
    """Returns a number of characters that no sentence of this format exceeds."""
    return 100 if kind in _PATTERNS else _LONGEST.get(kind, _LONGEST_URI)


def measure_shortest_sentence(kind: str) -> int:
    """Returns a number of characters that every sentence of this format has at least."""
    return {"date": 10, "date-time": 20, "time": 9, "uuid": 36, "email": 5, "uri": 11}.get(kind, 0)
