"""Makes the state of a thing and the moment of its end agree: what is expired has ended, what is open has not.

Belongs here: which states time allows. The moments themselves are made up in `field_moments`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from funcdex_assets.language import values
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.schema.schema import Schema
from funcdex_assets.semantics.field_meaning import decide_field_meaning, decide_value_meaning

_OVER_WORDS = frozenset("expired ended over past".split())
_LIVE_WORDS = frozenset("open active live running ongoing upcoming".split())
_MOST_HOURS = 72  # between now and the end


def fit_end_to_state(
    fields: Mapping[str, Any], properties: Mapping[str, Schema], now: datetime, rng: Random
) -> dict[str, str]:
    """Returns the end moments that the object's state does not allow, with moments that it allows.

    An end in the past is moved into the future only where it is an expiry: an open issue may have been due.
    """
    states = {
        value.lower()
        for key, value in fields.items()
        if isinstance(value, str) and decide_field_meaning(key, properties.get(key, {})).role == "state"
    }
    is_over, is_live = bool(states & _OVER_WORDS), bool(states & _LIVE_WORDS)
    changes: dict[str, str] = {}
    for key, value in fields.items() if is_over or is_live else ():
        phase = decide_value_meaning(key, value).phase
        moment = parse_moment({}, value) if isinstance(value, str) and phase in ("expires", "end") else None
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            continue
        distance = timedelta(hours=rng.randint(2, _MOST_HOURS))
        if is_over and moment > now:
            changes[key] = values.render_moment(properties.get(key, {}), now.replace(second=0) - distance)
        elif is_live and not is_over and moment < now and phase == "expires":
            changes[key] = values.render_moment(properties.get(key, {}), now.replace(second=0) + distance)
    return changes
