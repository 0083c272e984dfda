r"""Masks the values in what a user says, so that texts which differ only in their values become equal.

Ids, numbers, dates, addresses, quoted values, names and pasted JSON become one sign each. Names are words with a
capital inside a sentence, so that also products and weekdays are masked, and a name that opens a sentence is not.

>>> mask_values("Find Ayşe in Jira, 10 at most, and write to bo@x.org: \"All's well.\" Ticket MOB-88 is next.")
'Find ‹name› in ‹name›, ‹n› at most, and write to ‹address›: ‹text› Ticket ‹n› is next.'
"""

import re

_CAPITALISED = r"[A-Z\u00C0-\u00DE][\w’'-]*"
# In this order: what is quoted or pasted may hold everything else.
_SIGNS = (
    ("‹json›", r"^[ \t]*[\[{][\s\S]*[\]}][ \t]*$"),
    (
        "‹text›",
        r"```[\s\S]*?```|\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|(?<!\w)['‘](?=\S)[^'’\n]*(?:\w['’]\w[^'’\n]*)*['’](?!\w)",
    ),
    ("‹address›", r"\bhttps?://\S+|\bwww\.\S+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    # A lookahead instead of nested repetitions, which would take exponential time on snake_case.
    ("‹n›", r"[#€$£+]?(?<!\w)(?=[\w\-/.:,+]*\d)\w(?:[\w\-/.:,+]*\w)?%?"),
    ("‹name›", rf"(?<=[\w,;:)›] )(?!I\b|I'){_CAPITALISED}(?: (?:(?:of|de|van|von|der|&) )?{_CAPITALISED})*"),
)
_PATTERN = re.compile("|".join(f"({pattern})" for _, pattern in _SIGNS), re.MULTILINE)
_REPEATED = re.compile(r"(‹\w+›)(?:(?:,| and|,? or| &)? \1)+")


def mask_values(text: str) -> str:
    """Replaces each value by a sign such as `‹name›`; equal signs in a row ("Bo, Zoë and Ayşe") become one."""
    return _REPEATED.sub(r"\1", _PATTERN.sub(lambda match: _SIGNS[(match.lastindex or 1) - 1][0], text))
