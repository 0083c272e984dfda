"""Words by which the name of a field, a tool or a thing says what it means, each set defined once.

Belongs here: a set of words that two modules need, or that `field_meaning.py` decides by. Words said to people
(`language/`), keywords of JSON Schema (`schema/`) and a set that serves one rule of one module do not belong here.

A word added to a set changes the answer of every module that reads the set, so add it to the set whose description it
fits. All words are in lower case, as `schema.words.split_words` returns them; plurals are listed only where the readers
do not make singulars.

>>> sorted(TITLE_ENDINGS - TITLE_WORDS)[:3]
['filename', 'heading', 'headline']
"""

# ── shared by modules that read names without field_meaning ──────────────────────────────────

TITLE_WORDS = frozenset("title name summary subject".split())
"""In the names of fields that hold the title of a thing."""
STATE_WORDS = frozenset("status state".split())
ZONE_WORDS = frozenset("zone timezone".split())
SIZE_WORDS = frozenset("size bytes".split())
"""In the names of numbers for the size of a file or a text."""
CC_WORDS = frozenset("cc bcc".split())
TALK_NOUNS = frozenset("comment note reply message attachment worklog remark".split())
"""Nouns for what people add to a thing, which is changed by it."""
OCCURRENCE_NOUNS = frozenset("instance occurrence".split())
"""Nouns for a member of a series, such as a weekly meeting; it has its own identifier beside that of the series."""
RESTORING_VERBS = frozenset("restore undelete untrash recover".split())
READING_ACTIONS = ("list", "get")
"""The actions of `semantics.tool_names.ACTIONS` that change nothing."""

# ── read by field_meaning ────────────────────────────────────────────────────────────────────

PAGE_TOKEN_ENDINGS = frozenset(
    [
        *(("cursor",), ("offset",), ("page", "token"), ("next", "token"), ("continuation", "token")),
        *(("next", "page"), ("starting", "after"), ("ending", "before")),
    ]
)
"""The last words in the names of values that lead to another page of a listing."""
PAGE_NUMBER_NAMES = frozenset([("page",), ("page", "number"), ("skip",), ("start", "at")])
"""Whole names of values that lead to another page, if they are numbers."""
PAGE_START_NAMES = frozenset([("offset",), ("skip",), ("start",)])
"""Whole names of arguments that give the number of items before the page, if they are numbers."""
RESULT_NOUNS = frozenset("result item record row entry hit match object".split())
"""Nouns for the items of any listing, in names such as `max_results`."""
CONTAINER_NOUNS = RESULT_NOUNS | frozenset("data payload response resource output detail info value element".split())
"""Nouns that name no kind of thing."""
SORT_WORDS = frozenset("order orderby sort sortby sorting ordering".split())
SORT_COMPANIONS = frozenset("by direction dir field column key".split())
SEARCH_WORDS = frozenset("query q search keyword keywords jql contains find filter term terms cql sql".split())
"""In the names of searches."""

TITLE_ENDINGS = TITLE_WORDS | frozenset("filename headline heading nickname topic names".split())
POSITION_AT_WORK_WORDS = frozenset("job occupation profession".split())
"""Before `title`, they make it the position of a person."""
TEXT_WORDS = frozenset(
    (
        "body text message content description note notes comment snippet excerpt details reason memo html plaintext "
        "preview markdown caption answer transcript feedback bio about agenda"
    ).split()
)
TEXT_FORM_WORDS = frozenset("text content body markdown html plain plaintext raw".split())
"""Words for the form of a text; they name no thing that the text belongs to."""
MAIN_TEXT_WORDS = TEXT_FORM_WORDS | frozenset("description message comment note notes caption".split())
"""The last words in the names of texts that say what their thing says; a reason or an agenda stands beside it."""
TAG_NOUNS = frozenset("label tag category".split())
COMPANY_WORDS = frozenset("company organization organisation employer".split())

PERSON_NOUNS = frozenset(
    (
        "person user member customer contact attendee invitee guest host participant collaborator watcher follower "
        "commenter owner creator author organizer organiser assignee reporter lead sender recipient admin subscriber "
        "reviewer approver manager employee correspondent username"
    ).split()
)
USER_ROLE_NOUNS = frozenset(
    (
        "person member assignee owner author commenter creator organizer organiser lead reporter reviewer approver "
        "watcher follower collaborator"
    ).split()
)
"""The people that are users of a service, in one role or another; a customer or an attendee has a record of its own."""
PERSON_NAME_WORDS = frozenset("first last full given family middle display".split())
"""Before `name`, they make it the name of a person."""
PERSON_OF_WORD = {"from": "sender", "to": "recipient", "cc": "recipient", "bcc": "recipient"}
PHONE_WORDS = frozenset("phone telephone mobile fax cellphone".split())
LINK_WORDS = frozenset("link url href permalink website homepage uri".split())
LINK_TARGETS = frozenset("image photo icon avatar logo download redirect callback web".split())
"""Before `uri`, they make it a link; other nouns make it an identifier, as in `event_uri`."""
PATH_WORDS = frozenset("path paths filepath directory dir".split())
PLACE_WORDS = frozenset(
    "location place venue room address street city country postal zip line1 line2 latitude longitude lat lng".split()
)
CURRENCY_AND_UNIT_WORDS = frozenset("currency unit".split())

PHASE_WORDS = {
    "created": "created create creation opened joined added posted inserted registered",
    "changed": "updated modified edited changed update modify modification",
    "sent": "sent",
    "received": "received delivered",
    "scheduled": "scheduled",
    "due": "due deadline",
    "expires": "expires expired expiry expiration expire",
    "completed": "completed complete done resolved closed checked finished",
    "cancelled": "canceled cancelled",
    "deleted": "deleted removed trashed",
    "archived": "archived",
    "paid": "paid",
    "refunded": "refunded",
    "remaining": "remaining outstanding",
    "start": "start starts started begin begins beginning checkin arrival",
    "end": "end ends ended finish finishes ending checkout departure",
}
"""The phases of moments, flags and amounts, each with the words that name it; where two fit, the first counts."""
COMMANDS = frozenset("create modify update".split())
"""The words for a phase that are a command in the name of a flag, as in `create_room`."""
LOWER_BOUND_WORDS = frozenset("min minimum since after from newer".split())
UPPER_BOUND_WORDS = frozenset("max maximum until before to older".split())
MOMENT_ENDINGS = frozenset("at on date time timestamp datetime deadline since until when day".split())

DURATION_WORDS = frozenset("duration spent elapsed timeout ttl".split())
DURATION_UNITS = {
    **dict.fromkeys(("ms", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days", "nights"), "d"),
    **dict.fromkeys(("week", "weeks"), "w"),
    **dict.fromkeys(("month", "months"), "months"),
    **dict.fromkeys(("year", "years"), "years"),
}
MEASURE_UNITS = {
    **dict.fromkeys(("byte", "bytes"), "bytes"),
    **{unit: unit for unit in ("kb", "mb", "gb", "px", "kg", "km", "cm", "mm")},
    **dict.fromkeys(("percent", "percentage", "pct"), "percent"),
    **dict.fromkeys(("point", "points", "pt"), "pt"),
    **dict.fromkeys(("degree", "degrees"), "degrees"),
    **dict.fromkeys(("pixel", "pixels"), "px"),
}
CURRENCIES = frozenset("usd eur gbp jpy chf cad aud cents".split())

LIMIT_NAMES = frozenset([("page", "size"), ("per", "page"), ("limit",), ("top",), ("max",)])
"""Whole names, or their last two words, of limits: the most items that an answer may hold."""
QUANTITY_WORDS = frozenset("count quantity qty num".split())
TOTAL_WORDS = frozenset("total totals subtotal sum estimate".split())
CHARGE_WORDS = frozenset("tax discount shipping fee tip surcharge".split())
AMOUNT_WORDS = frozenset("amount price cost balance credit debit paid refunded budget salary revenue".split())
MEASURE_WORDS = frozenset(
    "size width height length weight magnitude left right top bottom margin distance depth rate ratio".split()
)
POSITION_WORDS = frozenset("index order position rank sequence".split())

SPAN_WORDS = (
    LOWER_BOUND_WORDS
    | UPPER_BOUND_WORDS
    | (MOMENT_ENDINGS - {"deadline"})
    | frozenset(f"moment range {PHASE_WORDS['start']} {PHASE_WORDS['end']}".split())
)
"""In the names of the ends of a span of time; the other words say which moments of the things are meant."""
CALL_SETTING_WORDS = frozenset("notify notifications notification send updates format verbose fields".split())
"""In the names of settings that hold for one call only; others, such as a `mime_type`, describe the thing."""
SETTING_WORDS = frozenset(
    (
        "fields field format include exclude expand verbose supports corpora spaces view metadata locale raw "
        "kind etag mime version schema notify notifications updates livemode idempotency"
    ).split()
)
"""In the names of settings, which decide how an answer is made or matter to programs only."""
CHOICE_ENDINGS = frozenset("type kind priority role color colour language visibility interval severity brand".split())
QUALIFIERS = frozenset(
    (
        "new old last latest first next previous current default original additional other own internal initial final "
        "replace open unread active inserted available total add remove added sub main plain short long brief"
    ).split()
)
"""Words that qualify a noun and are no part of it."""
PREPOSITIONS = frozenset("to for per in by with than".split())
"""Within a name they end the words for the thing itself: `text_to_insert` is a text."""
SHOWING_VERBS = frozenset("include show exclude supports with".split())
"""Before the word for a phase, as in `include_deleted`, they ask for such things: nothing has been deleted."""
