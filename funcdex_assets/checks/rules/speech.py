"""Rules about speech, by either side: markup, placeholders, languages, loops, private data.

Belongs here: findings that need only a text, without its meaning for the calls.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.rules.languages import detect_language, detect_script
from funcdex_assets.checks.rules.private_data import find_private_data
from funcdex_assets.dml.markup import TAG
from funcdex_assets.language.real_examples import PLACEHOLDER
from funcdex_assets.records.conversation import Finding

MIN_REPEATED_WORDS = 8  # words; a user who pages through a list may ask for the next page twice
REPLACEMENT_CHARACTER = "\ufffd"
_MARKUP = re.compile(
    rf"{TAG.pattern}|<\|[a-z_]{{2,20}}\|>|</?think>|\[/?INST\]|\{{\s*\"name\"\s*:\s*\"[^\"]*\"\s*,\s*\"arguments\"",
    re.IGNORECASE,
)
_ASSISTANT_PHRASE_SIGNS = ("help you", "assist you", " ai", "virtual")
_SPEAKER_LABEL = re.compile(r"^[ \t*]*(?:user|human|assistant)[ \t*]*:", re.IGNORECASE | re.MULTILINE)
_ASSISTANT_PHRASES = re.compile(
    r"\b(?:how (?:can|may) I (?:help|assist) you\b|as an AI\b|I(?:'m| am) an? (?:AI|virtual) )", re.IGNORECASE
)
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]+_[A-Za-z0-9_-]+")
_THOUGHT_LABEL = re.compile(r"^[ \t*]*(?:thought|thinking|reasoning|internal)s?[ \t*]*:", re.IGNORECASE | re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_PLACEHOLDER_SIGNS = ("<", "your_", "your-", "example.", "lorem", "xxx", "{{", "todo")
_HTML_TAGS = frozenset(
    "a abbr article b blockquote body br button code div em figure footer form h1 h2 h3 h4 h5 h6 head header hr html i "
    "img input label li link main meta nav ol p pre s script section small span strong style sub sup table tbody td "
    "th thead title tr u ul".split()
)
_WORD = re.compile(r"[^\W\d_]+")
_LINK = re.compile(r"\w+://\S+")
_MIN_WORD_REPETITIONS, _MIN_PHRASE_REPETITIONS, _MAX_PHRASE_WORDS = 5, 4, 8
_FOUR_EQUAL_CHARACTERS = re.compile(r"(.)\1\1\1")
_LETTER_RUN = re.compile(r"([^\s=_*#.-])\1\1{10,}")
_VOWEL = re.compile(r"[aeiouyà-öø-ÿāăąēėęěīįōőœūůųű]", re.IGNORECASE)
_VOWELS = str.maketrans("", "", "aeiouyAEIOUY")
_FOUR_CONSONANTS = re.compile(
    4 * "[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]"
)  # every strange word has four consonants in a row
_MIN_VOWEL_SHARE = 0.28  # of all characters; English has a third
_SIX_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{6,}", re.IGNORECASE)
_QUOTED = r"[\"“„«][^\"”“»]*[\"”“»]"
_ONLY_QUOTED = re.compile(_QUOTED)
_QUOTES_AND_ADDRESSES = re.compile(rf"{_QUOTED}|(?<![^\s\"“„«”»])[^\s@/]*+[@/]\S*")
_MAX_CHARACTERS_READ = 400  # characters suffice to detect a language
_MAX_STRANGE_SHARE, _MIN_STRANGE_WORDS = 0.3, 3


def leaked_markup(case: Case) -> Iterator[Finding]:
    """Parts of the markup or of a model's chat template that are said aloud or in a thought, such as `<|im_end|>`.

    The definition of a tool that a user brings is allowed.
    """
    if not _MARKUP.search(case.all_speech):
        return
    for index, message in enumerate(case.messages):
        if match := _MARKUP.search(f"{message.thought or ''}\n{case.speech[index]}"):
            yield Finding(
                rule="leaked_markup", message=index, text=f"The {message.role} says {match[0]!r}, which is no speech"
            )


def leaked_thought(case: Case) -> Iterator[Finding]:
    """A thought that is also said: one of its sentences, word for word, or a label such as `Thought:`."""
    for index, message in enumerate(case.messages):
        text = case.speech[index]
        if message.role != "assistant" or not text:
            continue
        label = _THOUGHT_LABEL.search(text) if ":" in text else None
        leaked = label[0].strip() if label else None
        if leaked is None and message.thought:
            spoken_text = " ".join(text.split())
            sentences = (" ".join(sentence.split()) for sentence in _SENTENCE.split(message.thought))
            leaked = next(
                (sentence for sentence in sentences if sentence.count(" ") >= 4 and sentence in spoken_text), None
            )
        if leaked:
            yield Finding(rule="leaked_thought", message=index, text=f"The assistant says its thought {leaked[:80]!r}")


def broken_characters(case: Case) -> Iterator[Finding]:
    """A text or value with U+FFFD, which stands for bytes that were no character: a model was cut within one."""
    if REPLACEMENT_CHARACTER not in case.all_text:
        return
    for index, pointer, text in case.iterate_texts():
        if REPLACEMENT_CHARACTER in text:
            yield Finding(
                rule="broken_characters",
                message=index,
                place=pointer,
                text=f"{text[:80]!r} has a sign in the place of bytes that were no character",
            )


def placeholder_content(case: Case) -> Iterator[Finding]:
    """Text that stands for content instead of being it, anywhere: `<base64>`, `your_name`, `example.com`."""
    folded = case.all_text.lower()
    if not any(sign in folded for sign in _PLACEHOLDER_SIGNS):
        return
    for index, pointer, text in case.iterate_texts():
        if placeholder := _find_placeholder(text):
            message = case.messages[index]
            if message.result is not None and re.fullmatch(r"\{\{\s*\d+\s*\}\}", placeholder):
                continue  # a template of a service has numbered gaps
            call_prefix = next((f"{call.id} {call.name}: " for call in message.tool_calls if pointer), "")
            yield Finding(
                rule="placeholder_content",
                message=index,
                place=pointer,
                text=f"{call_prefix}{placeholder!r} is a placeholder",
            )


def _find_placeholder(text: str) -> str | None:
    """Returns the first placeholder in a text that is neither a tag of the markup nor one of HTML."""
    for match in PLACEHOLDER.finditer(text):
        placeholder = match[0]
        is_tag = _MARKUP.fullmatch(placeholder) or (
            placeholder[0] == "<" and placeholder.strip("<>").split(" ")[0].lower() in _HTML_TAGS
        )
        if not is_tag and (placeholder.upper() != "TODO" or placeholder == "TODO"):  # a todo list is no placeholder
            return placeholder
    return None


def wrong_speaker(case: Case) -> Iterator[Finding]:
    """A user who speaks as the assistant does or names its tools, or a message that speaks for both sides."""
    for index, message in enumerate(case.messages):
        text = case.speech[index]
        match = _SPEAKER_LABEL.search(text) if ":" in text else None
        if message.role == "user" and not match:
            folded = text.lower()
            if any(sign in folded for sign in _ASSISTANT_PHRASE_SIGNS):
                match = _ASSISTANT_PHRASES.search(text)
            match = match or _find_named_tool(case, index)
        if match:
            yield Finding(rule="wrong_speaker", message=index, text=f"The {message.role} says {match[0]!r}")


def _find_named_tool(case: Case, index: int) -> re.Match[str] | None:
    """Returns the first name of a tool in a message that does not bring its definition."""
    text = case.speech[index]
    tool_names = (match for match in _IDENTIFIER.finditer(text) if match[0] in case.tools) if "_" in text else ()
    return next((match for match in tool_names if case.announced_tools.get(match[0], (None,))[0] != index), None)


def repeated_message(case: Case) -> Iterator[Finding]:
    """A message of more than a few words that its speaker has already said, word for word."""
    earlier_messages: set[tuple[str, str]] = set()
    for index, message in enumerate(case.messages):
        content = message.content or ""
        words = case.speech_words[index] if content is case.speech[index] else content.lower().split()
        if len(words) < MIN_REPEATED_WORDS:
            continue
        text = " ".join(words)
        if (message.role, text) in earlier_messages:
            yield Finding(
                rule="repeated_message", message=index, text=f"The {message.role} says the same again: {text[:80]!r}"
            )
        earlier_messages.add((message.role, text))


def degenerate_repetition(case: Case) -> Iterator[Finding]:
    """A loop within a text: a word five times in a row, a phrase of up to eight words four times, a letter twelve."""
    has_repeated_letters = _FOUR_EQUAL_CHARACTERS.search(case.all_speech) is not None
    for index, message in enumerate(case.messages):
        for text, words in ((case.speech[index], case.speech_words[index]), (message.thought or "", None)):
            if len(text) < 12:
                continue
            letter_run = _LETTER_RUN.search(text) if has_repeated_letters else None
            if loop := letter_run[0] if letter_run else _find_loop(text.lower().split() if words is None else words):
                yield Finding(rule="degenerate_repetition", message=index, text=f"{loop[:80]!r} again and again")


def _find_loop(words: Sequence[str]) -> str | None:
    """Returns the word or phrase that is said again and again; None if there is none."""
    if len(words) - len(set(words)) < _MIN_WORD_REPETITIONS - 1:  # every loop repeats at least so many words
        return None
    if len(words) - 1 - len(set(pairwise(words))) < _MIN_PHRASE_REPETITIONS - 1:  # and at least so many pairs of words
        return None
    for size in range(1, min(_MAX_PHRASE_WORDS, len(words) // _MIN_PHRASE_REPETITIONS) + 1):
        needed = size * ((_MIN_WORD_REPETITIONS if size == 1 else _MIN_PHRASE_REPETITIONS) - 1)
        run = 0
        for at in range(len(words) - size):
            run = run + 1 if words[at] == words[at + size] and any(map(str.isalpha, words[at])) else 0
            if run >= needed:
                return " ".join(words[at + 1 : at + 1 + size])
    return None


def gibberish(case: Case) -> Iterator[Finding]:
    """A text in which at least three words, and three in ten, are none that anybody could say."""
    if len(_FOUR_CONSONANTS.findall(case.all_speech)) < _MIN_STRANGE_WORDS:
        return
    for index, text in enumerate(case.speech):
        if len(_FOUR_CONSONANTS.findall(text)) < _MIN_STRANGE_WORDS:
            continue
        if len(text) - len(text.translate(_VOWELS)) > _MIN_VOWEL_SHARE * len(text):
            continue
        text_without_links = _LINK.sub(" ", text) if "://" in text else text
        words = [
            word
            for word in _WORD.findall(text_without_links)
            if len(word) > 3 and word.isascii() and not word.isupper()
        ]
        strange = [word for word in words if not _VOWEL.search(word) or _SIX_CONSONANTS.search(word)]
        if len(strange) >= _MIN_STRANGE_WORDS and len(strange) > _MAX_STRANGE_SHARE * len(words):
            yield Finding(
                rule="gibberish",
                message=index,
                text=f"The {case.messages[index].role} says {' '.join(strange[:4])!r}, which are no words",
            )


def wrong_language(case: Case) -> Iterator[Finding]:
    """A reply in another script than the user writes, or in another language.

    Quoted words do not count. The language is known by its commonest words; if it is not clear, none is wrong.
    """
    user_language: tuple[str | None, str | None] | None = None
    for index, message in enumerate(case.messages):
        if message.role != "assistant" or not case.speech[index]:
            continue
        language, script = _detect_language_and_script(case.speech[index])
        if (language, script) in (user_language, (None, None)):
            continue
        if user_language is None:  # from all user messages: one may be too short to tell
            user_language = _detect_language_and_script(
                " ".join(case.speech[turn.start][:_MAX_CHARACTERS_READ] for turn in case.turns), len(case.turns)
            )
        for reply_value, user_value in ((script, user_language[1]), (language, user_language[0])):
            if reply_value and user_value and reply_value != user_value:
                yield Finding(
                    rule="wrong_language",
                    message=index,
                    text=f"The assistant answers in {reply_value}, the user writes in {user_value}",
                )
                break


def _detect_language_and_script(text: str, texts: int = 1) -> tuple[str | None, str | None]:
    """Returns language and script of the first characters of a text, without quoted words and addresses."""
    text = text[: texts * _MAX_CHARACTERS_READ]
    plain = (_QUOTES_AND_ADDRESSES if "@" in text or "/" in text else _ONLY_QUOTED).sub(" ", text)
    return detect_language(plain), detect_script(plain)


def personal_data(case: Case) -> Iterator[Finding]:
    """Text like real private data: card numbers, IBANs, social security numbers, private and API keys.

    E-mail addresses and telephone numbers are made up here, and allowed.
    """
    if not any(find_private_data(case.all_text)):
        return
    for index, pointer, text in case.iterate_texts():
        for kind, private_text in find_private_data(text):
            yield Finding(
                rule="personal_data",
                message=index,
                place=pointer,
                text=f"{private_text[:4]}… looks like a real {kind}",
            )
