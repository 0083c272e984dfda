"""Tells the two ends of a stay: a hotel says `check_in` and `check_out`, a shipper `arrival` and `departure`.

Belongs here: names that mean a start or an end without saying so. Those that say it are in `vocabulary.PHASE_WORDS`.

>>> sorted(mark_span_end({"check", "in", "date"}))
['check', 'date', 'in', 'start']
"""

from collections.abc import Set

_PHRASES = {
    "start": ({"check", "in"}, {"checkin"}, {"arrival"}),
    "end": ({"check", "out"}, {"checkout"}, {"departure"}),
}


def mark_span_end(name_words: Set[str]) -> Set[str]:
    """Returns the words of a moment's name, with `start` or `end` added where they mean one."""
    for end, phrases in _PHRASES.items():
        if any(phrase <= name_words for phrase in phrases):
            return {*name_words, end}
    return name_words
