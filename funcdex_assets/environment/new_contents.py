r"""Tells what is in a thing that a call has just made: only what calls have put there.

Belongs here: which parts come with a thing from the beginning, and the headings of a text. What is in a thing that was
there before is made up in `list_builder`.

>>> is_empty_at_first("invoice"), is_empty_at_first("permission"), list_headings("# Plan\nWe begin.\n## Costs")
(True, False, ['Plan', 'Costs'])
"""

import re

from funcdex_assets.environment.entity_store import canonicalize_noun
from funcdex_assets.semantics.field_roles import names_person

HEADING_WORDS = frozenset("outline heading headings".split())
_INBORN_NOUNS = frozenset("transition instance occurrence member participant permission version revision page".split())
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)


def is_empty_at_first(noun: str) -> bool:
    """Returns whether something new has no parts of a noun: not for those that it has of itself, nor for people, who
    may be said in many ways.
    """
    nouns = {noun, noun.rpartition(" ")[2], canonicalize_noun(noun)}
    return not nouns & _INBORN_NOUNS and not any(map(names_person, nouns))


def list_headings(text: str) -> list[str]:
    """Returns the headings of a text in Markdown."""
    return _HEADING.findall(text)
