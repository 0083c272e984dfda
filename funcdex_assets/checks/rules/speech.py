"""Rules about what is said, by either side: markup, placeholders, languages, loops, private data."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.rules.languages import language_of, script_of
from funcdex_assets.checks.rules.private_data import private_data
from funcdex_assets.dml.markup import TAG
from funcdex_assets.language.values import PLACEHOLDER
from funcdex_assets.records.conversation import Finding

SHORTEST_REPETITION = 8  # words; who pages through a list may well ask twice for the next page
REPLACED = "\ufffd"
_MARKUP = re.compile(
    rf"{TAG.pattern}|<\|[a-z_]{{2,20}}\|>|</?think>|\[/?INST\]|\{{\s*\"name\"\s*:\s*\"[^\"]*\"\s*,\s*\"arguments\"",
    re.IGNORECASE,
)
_ASSISTANTS_SIGNS = ("help you", "assist you", " ai", "virtual")
_LABEL = re.compile(r"^[ \t*]*(?:user|human|assistant)[ \t*]*:", re.IGNORECASE | re.MULTILINE)
_ASSISTANTS_WORDS = re.compile(
    r"\b(?:how (?:can|may) I (?:help|assist) you\b|as an AI\b|I(?:'m| am) an? (?:AI|virtual) )", re.IGNORECASE
)
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]+_[A-Za-z0-9_-]+")
_REASONING = re.compile(r"^[ \t*]*(?:thought|thinking|reasoning|internal)s?[ \t*]*:", re.IGNORECASE | re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_PLACEHOLDER_SIGNS = ("<", "your_", "your-", "example.", "lorem", "xxx", "{{", "todo")
_HTML = frozenset(
    "a abbr article b blockquote body br button code div em figure footer form h1 h2 h3 h4 h5 h6 head header hr html i "
    "img input label li link main meta nav ol p pre s script section small span strong style sub sup table tbody td "
    "th thead title tr u ul".split()
)
_WORD = re.compile(r"[^\W\d_]+")
_LINK = re.compile(r"\w+://\S+")
_LOOPED_WORDS, _LOOPED_PHRASES, _LONGEST_PHRASE = 5, 4, 8
_SOME_SAME = re.compile(r"(.)\1\1\1")
_SAME_LETTER = re.compile(r"([^\s=_*#.-])\1\1{10,}")
_VOWEL = re.compile(r"[aeiouyà-öø-ÿāăąēėęěīįōőœūůųű]", re.IGNORECASE)
_VOWELS = str.maketrans("", "", "aeiouyAEIOUY")
_CONSONANTS = re.compile(4 * "[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]")  # every strange word has as many in a row
_VOWELS_OF_WORDS = 0.28  # of all characters; English has a third
_CLUSTER = re.compile(r"[bcdfghjklmnpqrstvwxz]{6,}", re.IGNORECASE)
_QUOTED = r"[\"“„«][^\"”“»]*[\"”“»]"
_ONLY_QUOTED = re.compile(_QUOTED)
_NOT_OWN_WORDS = re.compile(rf"{_QUOTED}|(?<![^\s\"“„«”»])[^\s@/]*+[@/]\S*")
_ENOUGH = 400  # characters that tell a language
_MOST_STRANGE, _FEWEST_STRANGE = 0.3, 3


def leaked_markup(case: Case) -> Iterator[Finding]:
    """What belongs to the markup or to a model's chat template, said aloud or in a thought.

    The definition of a tool that a user brings is none of it.
    """
    if not _MARKUP.search(case.said):
        return
    for index, message in enumerate(case.messages):
        if found := _MARKUP.search(f"{message.thought or ''}\n{case.speech[index]}"):
            yield Finding(
                rule="leaked_markup", message=index, text=f"The {message.role} says {found[0]!r}, which is no speech"
            )


def leaked_thought(case: Case) -> Iterator[Finding]:
    """A thought that shows up in what is said: a sentence of it, word for word, or a label such as `Thought:`."""
    for index, message in enumerate(case.messages):
        text = case.speech[index]
        if message.role != "assistant" or not text:
            continue
        found = _REASONING.search(text) if ":" in text else None
        leaked = found[0].strip() if found else None
        if leaked is None and message.thought:
            said = " ".join(text.split())
            sentences = (" ".join(part.split()) for part in _SENTENCE.split(message.thought))
            leaked = next((part for part in sentences if part.count(" ") >= 4 and part in said), None)
        if leaked:
            yield Finding(rule="leaked_thought", message=index, text=f"The assistant says its thought {leaked[:80]!r}")


def broken_characters(case: Case) -> Iterator[Finding]:
    """A text or value with U+FFFD, which stands for bytes that were no character: a model was cut within one."""
    if REPLACED not in case.everything:
        return
    for index, pointer, text in case.texts():
        if REPLACED in text:
            yield Finding(
                rule="broken_characters",
                message=index,
                place=pointer,
                text=f"{text[:80]!r} has a sign in the place of bytes that were no character",
            )


def placeholder_content(case: Case) -> Iterator[Finding]:
    """Text that stands for content instead of being it, wherever it stands: `<base64>`, `your_name`, `example.com`."""
    folded = case.everything.lower()
    if not any(sign in folded for sign in _PLACEHOLDER_SIGNS):
        return
    for index, pointer, text in case.texts():
        if found := _placeholder(text):
            message = case.messages[index]
            where = next((f"{call.id} {call.name}: " for call in message.tool_calls if pointer), "")
            yield Finding(
                rule="placeholder_content",
                message=index,
                place=pointer,
                text=f"{where}{found!r} is a placeholder",
            )


def _placeholder(text: str) -> str | None:
    for match in PLACEHOLDER.finditer(text):
        found = match[0]
        tag = _MARKUP.fullmatch(found) or (found[0] == "<" and found.strip("<>").split(" ")[0].lower() in _HTML)
        if not tag and (found.upper() != "TODO" or found == "TODO"):  # a todo list is none
            return found
    return None


def wrong_speaker(case: Case) -> Iterator[Finding]:
    """A user who speaks as the assistant does or names its tools, or a message that speaks for both sides."""
    for index, message in enumerate(case.messages):
        text = case.speech[index]
        found = _LABEL.search(text) if ":" in text else None
        if message.role == "user" and not found:
            folded = text.lower()
            if any(sign in folded for sign in _ASSISTANTS_SIGNS):
                found = _ASSISTANTS_WORDS.search(text)
            found = found or _named_tool(case, index)
        if found:
            yield Finding(rule="wrong_speaker", message=index, text=f"The {message.role} says {found[0]!r}")


def _named_tool(case: Case, index: int) -> re.Match[str] | None:
    """The first name of a tool in a message that does not bring it."""
    text = case.speech[index]
    named = (match for match in _IDENTIFIER.finditer(text) if match[0] in case.tools) if "_" in text else ()
    return next((match for match in named if case.announced.get(match[0], (None,))[0] != index), None)


def repeated_message(case: Case) -> Iterator[Finding]:
    """Somebody says the same again, word for word, in more than a few words."""
    said: set[tuple[str, str]] = set()
    for index, message in enumerate(case.messages):
        content = message.content or ""
        words = case.words[index] if content is case.speech[index] else content.lower().split()
        if len(words) < SHORTEST_REPETITION:
            continue
        text = " ".join(words)
        if (message.role, text) in said:
            yield Finding(
                rule="repeated_message", message=index, text=f"The {message.role} says the same again: {text[:80]!r}"
            )
        said.add((message.role, text))


def degenerate_repetition(case: Case) -> Iterator[Finding]:
    """A loop within a text: a word five times in a row, a phrase of up to eight words four times, a letter twelve."""
    letters = _SOME_SAME.search(case.said) is not None
    for index, message in enumerate(case.messages):
        for text, words in ((case.speech[index], case.words[index]), (message.thought or "", None)):
            if len(text) < 12:
                continue
            found = _SAME_LETTER.search(text) if letters else None
            if loop := found[0] if found else _loop(text.lower().split() if words is None else words):
                yield Finding(rule="degenerate_repetition", message=index, text=f"{loop[:80]!r} again and again")


def _loop(parts: Sequence[str]) -> str | None:
    if len(parts) - len(set(parts)) < _LOOPED_WORDS - 1:  # every loop says so many words again
        return None
    if len(parts) - 1 - len(set(pairwise(parts))) < _LOOPED_PHRASES - 1:  # and so many pairs of words
        return None
    for size in range(1, min(_LONGEST_PHRASE, len(parts) // _LOOPED_PHRASES) + 1):
        needed = size * ((_LOOPED_WORDS if size == 1 else _LOOPED_PHRASES) - 1)
        run = 0
        for at in range(len(parts) - size):
            run = run + 1 if parts[at] == parts[at + size] and any(map(str.isalpha, parts[at])) else 0
            if run >= needed:
                return " ".join(parts[at + 1 : at + 1 + size])
    return None


def gibberish(case: Case) -> Iterator[Finding]:
    """A text of which a third of the words are none that anybody could say."""
    if len(_CONSONANTS.findall(case.said)) < _FEWEST_STRANGE:
        return
    for index, text in enumerate(case.speech):
        if len(_CONSONANTS.findall(text)) < _FEWEST_STRANGE:
            continue
        if len(text) - len(text.translate(_VOWELS)) > _VOWELS_OF_WORDS * len(text):
            continue
        said = _LINK.sub(" ", text) if "://" in text else text
        parts = [part for part in _WORD.findall(said) if len(part) > 3 and part.isascii() and not part.isupper()]
        strange = [part for part in parts if not _VOWEL.search(part) or _CLUSTER.search(part)]
        if len(strange) >= _FEWEST_STRANGE and len(strange) > _MOST_STRANGE * len(parts):
            yield Finding(
                rule="gibberish",
                message=index,
                text=f"The {case.messages[index].role} says {' '.join(strange[:4])!r}, which are no words",
            )


def wrong_language(case: Case) -> Iterator[Finding]:
    """The assistant answers in another script than the user writes, or in another language.

    Quoted words do not count. A language is known by its commonest words, and where it is not clear none is wrong.
    """
    theirs: tuple[str | None, str | None] | None = None
    for index, message in enumerate(case.messages):
        if message.role != "assistant" or not case.speech[index]:
            continue
        language, script = _tongue(case.speech[index])
        if (language, script) in (theirs, (None, None)):
            continue
        if theirs is None:  # all that they say, for a single request may be too short to tell
            theirs = _tongue(" ".join(case.speech[turn.start][:_ENOUGH] for turn in case.turns), len(case.turns))
        for own, other in ((script, theirs[1]), (language, theirs[0])):
            if own and other and own != other:
                yield Finding(
                    rule="wrong_language",
                    message=index,
                    text=f"The assistant answers in {own}, the user writes in {other}",
                )
                break


def _tongue(text: str, texts: int = 1) -> tuple[str | None, str | None]:
    text = text[: texts * _ENOUGH]
    plain = (_NOT_OWN_WORDS if "@" in text or "/" in text else _ONLY_QUOTED).sub(" ", text)
    return language_of(plain), script_of(plain)


def personal_data(case: Case) -> Iterator[Finding]:
    """What looks like real private data: card numbers, IBANs, social security numbers, private and API keys.

    E-mail addresses and telephone numbers are made up here, and fine.
    """
    if not any(private_data(case.everything)):
        return
    for index, pointer, text in case.texts():
        for kind, found in private_data(text):
            yield Finding(
                rule="personal_data",
                message=index,
                place=pointer,
                text=f"{found[:4]}… looks like a real {kind}",
            )
