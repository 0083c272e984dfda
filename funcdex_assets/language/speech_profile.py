"""Measures how people speak to an assistant: how long, how tidy, how polite, and how much they leave out.

Belongs here: the figures, and the word lists that they are counted by. No text is kept in a profile, so whatever is
written after one copies nobody. Reading a team's own rows is in `export/own_rows.py`; writing requests of a profile's
kind is the business of the code that realises requests.

Shares are of requests: a text of nothing but a greeting, thanks or a goodbye counts only for `greeting_share` and
`farewell_share`, unless there are no others.

>>> profile = measure_speech(["Hi there", "put the lamp on please", "what time is it", "kitchen too"], [0.5, 0.0])
>>> profile.words_median, profile.question_share, profile.lower_case_share, profile.empty_call_share
(4.0, 0.3333, 1.0, 0.5)
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import ceil

from funcdex_assets.semantics.tool_names import ACTIONS

PRIOR_TEXTS = 20
"""Texts that a base profile counts as in `blend_profiles`: of fewer, a share says more about chance than about people
(the 95 % interval of a share of .3 is wider than ±.2 below twenty)."""

_DIGITS = 4  # of shares, so that a profile reads well in metadata


@dataclass(frozen=True)
class SpeechProfile:
    """The forms of speech of a group of users; shares are between 0 and 1.

    words_low, words_median, words_high: 10, 50 and 90 % of the requests have at most so many words
    lower_case_share:      begin with a lower-case letter
    end_punctuation_share: end in . ! ? or …
    question_share:        begin with a question word or an auxiliary verb ("can you" included)
    politeness_share:      have please, could you, would you or the like
    filler_share:          have um, uh, you know or the like
    fragment_share:        have no verb that the word lists know: an approximation
    optional_argument_share: of the optional arguments of the tools called, these are given
    empty_call_share:      of the calls of tools with optional arguments, these give none of them
    greeting_share:        of the conversations, these begin with a greeting
    farewell_share:        of the conversations, these end with thanks or a goodbye
    texts:                 requests that were measured; 0 for a profile that was not measured
    """

    words_low: float
    words_median: float
    words_high: float
    lower_case_share: float
    end_punctuation_share: float
    question_share: float
    politeness_share: float
    filler_share: float
    fragment_share: float
    optional_argument_share: float
    empty_call_share: float
    greeting_share: float
    farewell_share: float
    texts: int = 0


DEFAULT_SPOKEN_PROFILE = SpeechProfile(
    words_low=2,
    words_median=4,
    words_high=10,
    lower_case_share=0.35,
    end_punctuation_share=0.3,
    question_share=0.25,
    politeness_share=0.15,
    filler_share=0.05,
    fragment_share=0.15,
    optional_argument_share=0.5,
    empty_call_share=0.25,
    greeting_share=0.2,
    farewell_share=0.25,
)
"""Short spoken commands, where no rows of a team say otherwise. Set by judgement, not measured on any data."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_OPENERS = frozenset("and so ok okay well but then also now hey hi hello um uh oh please alright right".split())
"""Words before the one by which a sentence is recognised."""
_AUXILIARIES = frozenset(
    (
        "is are am was were do does did can could would will shall should may might must have has had isn't aren't "
        "don't doesn't didn't can't couldn't won't wouldn't shouldn't haven't hasn't"
    ).split()
)
_QUESTION_WORDS = frozenset("what which who whom whose when where why how what's who's where's when's how's".split())
_UNWRITTEN_QUESTION_WORDS = frozenset("whats whos wheres hows".split())  # without the apostrophe
_POLITE = re.compile(
    r"\b(?:please|pls|plz|kindly|(?:could|would) you|(?:could|may) i|would it be possible|if you could|i['’]?d like)\b",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"\b(?:u+m+|u+h+m?|e+r+m+|er|h+m+|you know|i mean|sort of|kind of)\b"
    r"|(?:^|,)\s*like\b|\blike\s*,|\b(?:just|so|and|was|were)\s+like\b",
    re.IGNORECASE,
)
_GREETINGS = frozenset("hi hello hey hiya howdy greetings morning afternoon evening".split())
_FAREWELLS = frozenset("thanks thank thankyou thx cheers bye goodbye byebye ciao farewell".split())
_SOCIAL_COMPANIONS = frozenset(
    (
        "good there again you so very much a lot many for your the that this help all and ok okay great perfect now "
        "later see have nice day night everyone team that's thats it it's is be will to"
    ).split()
)
"""Words that may stand in a text beside a greeting, thanks or a goodbye, and still nothing is asked for."""
_NEAR_THE_END = 4  # words in which thanks or a goodbye close a text: "that is all, thanks a lot"
_VERBS = (
    frozenset(verb for verbs in ACTIONS.values() for verb in verbs.split())
    - frozenset("book post draft label comment email message".split())  # nouns as often, and no sign of a sentence
) | frozenset(
    (
        "activate adjust allow answer apply arrange ask block bring buy call charge choose come compare confirm "
        "connect continue cost cut decrease dim divide drive drop end erase explain extend find fix forget forgot "
        "give go got grab grant guess hand hear help hold increase install join keep kill know launch leave left let "
        "lift light like load lock log lose lost lower make mean mute need offer order pass pause pick place plan "
        "play press prevent print pull push put raise reach repeat replay report request reserve reset restart resume "
        "return ring run save say scan see seem sell silence sit skip sleep sort sound speak spend stand stay stole "
        "stop store subscribe sum swap switch take talk tell think throw toggle track transfer translate try turn "
        "undo unlock unmute use wait wake want warm watch withdraw wonder work write activated blocked broke broken "
        "came charged done forgotten gave gone gotten heard kept made moved needed paid put said saw sent set stolen "
        "stopped told took tried used wanted went"
    ).split()
)
_CONTRACTED_VERB = re.compile(r"(?:['’](?:s|m|re|ve|ll|d)|n['’]t)$")
_UNWRITTEN_CONTRACTIONS = frozenset(
    "im ive id youre theyre whats thats theres its wheres whos dont doesnt didnt cant couldnt wont wouldnt isnt "
    "arent wanna gonna gotta lets let's".split()
)


def measure_speech(
    user_texts: Sequence[str],
    argument_shares: Sequence[float],
    *,
    first_texts: Sequence[str] = (),
    last_texts: Sequence[str] = (),
) -> SpeechProfile:
    """Measures the forms of speech of what users said.

    `argument_shares` has a number for each call of a tool with optional arguments: the share of them that it gives.
    `first_texts` and `last_texts` are what the user says first and last in each conversation. What is not given
    cannot be measured, and has the value of `DEFAULT_SPOKEN_PROFILE`.
    """
    default = DEFAULT_SPOKEN_PROFILE
    texts = [text.strip() for text in user_texts if text.strip()]
    requests = [text for text in texts if not is_social(text)] or texts
    lengths = sorted(len(text.split()) for text in requests)

    def measure_share(has_feature: Callable[[str], bool], of: Sequence[str], otherwise: float) -> float:
        return round(sum(map(has_feature, of)) / len(of), _DIGITS) if of else otherwise

    return SpeechProfile(
        words_low=_find_quantile(lengths, 0.1, default.words_low),
        words_median=_find_quantile(lengths, 0.5, default.words_median),
        words_high=_find_quantile(lengths, 0.9, default.words_high),
        lower_case_share=measure_share(lambda text: text[0].islower(), requests, default.lower_case_share),
        end_punctuation_share=measure_share(
            lambda text: text.endswith((".", "!", "?", "…")), requests, default.end_punctuation_share
        ),
        question_share=measure_share(is_question, requests, default.question_share),
        politeness_share=measure_share(lambda text: bool(_POLITE.search(text)), requests, default.politeness_share),
        filler_share=measure_share(lambda text: bool(_FILLER.search(text)), requests, default.filler_share),
        fragment_share=measure_share(is_fragment, requests, default.fragment_share),
        optional_argument_share=round(sum(argument_shares) / len(argument_shares), _DIGITS)
        if argument_shares
        else default.optional_argument_share,
        empty_call_share=round(sum(share == 0 for share in argument_shares) / len(argument_shares), _DIGITS)
        if argument_shares
        else default.empty_call_share,
        greeting_share=measure_share(begins_with_greeting, first_texts, default.greeting_share),
        farewell_share=measure_share(ends_with_farewell, last_texts, default.farewell_share),
        texts=len(requests),
    )


def blend_profiles(measured: SpeechProfile, base: SpeechProfile = DEFAULT_SPOKEN_PROFILE) -> SpeechProfile:
    """Returns a profile between the two: the fewer texts were measured, the nearer to `base` it is.

    The base counts as `PRIOR_TEXTS` texts, so twenty texts stand in the middle.
    """
    weight = measured.texts / (measured.texts + PRIOR_TEXTS)
    blended = {
        field.name: round(weight * getattr(measured, field.name) + (1 - weight) * getattr(base, field.name), _DIGITS)
        for field in fields(SpeechProfile)
        if field.name != "texts"
    }
    return SpeechProfile(**blended, texts=measured.texts)


def is_question(text: str) -> bool:
    """Returns whether a text begins as a question does, after openers such as "and" or "hey".

    >>> [is_question(text) for text in ("Ok, whats my limit", "can you call Bo", "Call Bo?")]
    [True, True, False]
    """
    first = next((word for word in _split_lower(text) if word not in _OPENERS), "")
    return first in _AUXILIARIES or first in _QUESTION_WORDS or first in _UNWRITTEN_QUESTION_WORDS


def is_fragment(text: str) -> bool:
    """Returns whether no word of a text is known as a verb: "the other one", "kitchen too".

    >>> [is_fragment(text) for text in ("the other one", "dim the lamp", "I'm cold")]
    [True, False, False]
    """
    return not any(
        word in _VERBS
        or word in _AUXILIARIES
        or word in _UNWRITTEN_CONTRACTIONS
        or (_CONTRACTED_VERB.search(word) and (word[0] == "i" or not word.endswith(("'s", "’s"))))
        or word.removesuffix("'s").removesuffix("’s") in _QUESTION_WORDS - {word}
        for word in _split_lower(text)
    )


def is_social(text: str) -> bool:
    """Returns whether a text is a greeting, thanks or a goodbye and asks for nothing.

    >>> [is_social(text) for text in ("Hey there", "thanks so much, bye", "Thanks, now close it")]
    [True, True, False]
    """
    text_words = _split_lower(text)
    return any(word in _GREETINGS or word in _FAREWELLS for word in text_words) and all(
        word in _GREETINGS or word in _FAREWELLS or word in _SOCIAL_COMPANIONS for word in text_words
    )


def begins_with_greeting(text: str) -> bool:
    """Returns whether a text begins with a greeting, perhaps after "good"."""
    text_words = _split_lower(text)
    return bool(_GREETINGS.intersection(text_words[1:2] if text_words[:1] == ["good"] else text_words[:1]))


def ends_with_farewell(text: str) -> bool:
    """Returns whether thanks or a goodbye are among the last words of a text.

    >>> [ends_with_farewell(text) for text in ("that is all, thanks a lot", "thank Bo for the cake that he brought")]
    [True, False]
    """
    return bool(_FAREWELLS.intersection(_split_lower(text)[-_NEAR_THE_END:]))


def _split_lower(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _find_quantile(lengths: Sequence[int], share: float, otherwise: float) -> float:
    """Returns the smallest of the sorted lengths that at least `share` of them do not exceed."""
    return float(lengths[max(0, ceil(share * len(lengths)) - 1)]) if lengths else otherwise
