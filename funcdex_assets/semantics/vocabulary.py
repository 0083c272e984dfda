"""Words by which the name of a field, a tool or a thing says what it means, each set defined once.

Belongs here: a set of words that two modules need, or that `field_meaning.py` decides by. Does not belong here: what is
said to people (`language/`), keywords of JSON Schema (`catalog/`), a set that serves one rule of one module.

Add a word where its meaning is described, not where it happened to be missing: all readers of the set follow. All words
are in lower case, as `catalog.names.words` gives them; plurals are listed only where the readers do not make singulars.

>>> sorted(NAMING_WORDS - TITLE_WORDS)
['filename']
"""

# ── shared by modules that read names on their own ───────────────────────────────────────────

TITLE_WORDS = frozenset("title name summary subject".split())
"""In the names of fields that hold what a thing is called."""
NAMING_WORDS = TITLE_WORDS | {"filename"}
"""In the names of fields that hold what a thing or a file is called."""
COUNT_WORDS = frozenset("count total estimate".split())
"""In the names of numbers that say how many things there are."""
CHANGE_WORDS = frozenset("updated modified edited".split())
"""In the names of moments that any change of a thing moves."""
STATE_WORDS = frozenset("status state".split())
ZONE_WORDS = frozenset("zone timezone".split())
SIZE_WORDS = frozenset("size bytes".split())
"""In the names of numbers that say how large a file or a text is."""
CC_WORDS = frozenset("cc bcc".split())
OCCURRENCE_NOUNS = frozenset("instance occurrence".split())
"""Nouns of what is one of a series, and has an identifier beside that of its series."""
RESTORING_VERBS = frozenset("restore undelete untrash recover".split())
READING_ACTIONS = ("list", "get")
"""The actions of `catalog.names.ACTIONS` that change nothing."""
