"""Detects the language and the script of a text, by its commonest words and its letters.

Good enough to see that an answer is in another language than the question; None where it is not clear.

>>> detect_language("Ich habe die Datei gefunden und an das Team geschickt.")
'German'
>>> detect_script("Готово, письмо отправлено.")
'Cyrillic'
"""

import re

_WORD = re.compile(r"[^\W\d_]+")
_MIN_WORDS, _MIN_COMMON_WORDS, _MIN_LEAD = 5, 3, 2
_COMMON_WORDS_BY_LANGUAGE = {
    "English": "a an the and is are was were i you he she we they it of to in for with that this have has not my your "
    "on at from please can could will would be as by an or if what which there here so me do",
    "German": "der die das und ist sind war ich du sie wir es von zu für mit dass nicht mein ihr ein eine einen auf "
    "aus bitte kann wird haben habe hat den dem des im wurde noch auch oder wenn was hier",
    "French": "le la les et est sont était je vous il elle nous de du des pour avec que ce cette pas mon votre un une "
    "sur dans ai avez été au aux ou si qui ici par plus mais",
    "Spanish": "el la los las y es son fue yo usted él ella de del para con que este esta no mi su un una en por he ha "
    "hay se lo al o si qué más pero como aquí ya",
    "Italian": "il lo la gli le e è sono era io lei noi di del della per con che questo questa non mio suo un una in "
    "ho hai ha si al o se cosa più ma come qui già nel",
    "Portuguese": "o a os as e é são foi eu você ele ela de do da dos para com que este esta não meu seu um uma em por "
    "no na há se ao ou mais mas como aqui já foram",
    "Dutch": "de het een en is zijn was ik u je hij zij wij van voor met dat dit niet mijn uw op aan uit kan wordt "
    "hebben heb heeft te in om of als wat hier nog ook er",
}
_LANGUAGES_BY_WORD: dict[str, list[str]] = {}
for _name, _words in _COMMON_WORDS_BY_LANGUAGE.items():
    for _word in _words.split():
        _LANGUAGES_BY_WORD.setdefault(_word, []).append(_name)
_COMMON_WORDS = frozenset(_LANGUAGES_BY_WORD)
_SCRIPTS = {
    "Latin": "A-Za-zÀ-ɏ",
    "Cyrillic": "Ѐ-ӿ",
    "Greek": "Ͱ-Ͽ",
    "Arabic": "؀-ۿ",
    "Hebrew": "֐-׿",
    "Devanagari": "ऀ-ॿ",
    "Thai": "฀-๿",
    "Hangul": "가-힯",
    "Japanese": "぀-ヿ",
    "Han": "一-鿿",
}
_LETTERS = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
_MIN_LETTERS = 12
_NOT_LATIN = re.compile(f"[{''.join(letters for name, letters in _SCRIPTS.items() if name != 'Latin')}]")
_ENOUGH_LATIN = re.compile(f"(?:[{_SCRIPTS['Latin']}][^{_SCRIPTS['Latin']}]*+){{{_MIN_LETTERS}}}")


def detect_language(text: str) -> str | None:
    """Returns the language whose common words lead by two to one; None for a short or mixed text.

    A word counts once: a list in English says `per week` with each item, and is no Italian.
    """
    if not text.isascii() and detect_script(text) not in (None, "Latin"):
        return None
    words = _WORD.findall(text.lower())
    if len(words) < _MIN_WORDS:
        return None
    hits = {"": 0}
    for word in _COMMON_WORDS.intersection(words):
        for language in _LANGUAGES_BY_WORD[word]:
            hits[language] = hits.get(language, 0) + 1
    name = max(hits, key=lambda language: hits[language])
    most = hits.pop(name)
    return name if most >= _MIN_COMMON_WORDS and most >= _MIN_LEAD * max(hits.values()) else None


def is_english(text: str) -> bool:
    """True unless a text is clearly no English: it has more of another language's commonest words, or other letters.

    A text too short to tell counts as English.
    """
    if not text.isascii() and detect_script(text) not in (None, "Latin"):
        return False
    hits = dict.fromkeys(_COMMON_WORDS_BY_LANGUAGE, 0)
    for word in _COMMON_WORDS.intersection(_WORD.findall(text.lower())):
        for language in _LANGUAGES_BY_WORD[word]:
            hits[language] += 1
    return hits["English"] >= max(hits.values())


def detect_script(text: str) -> str | None:
    """Returns the script of three quarters of the letters; a text with kana is Japanese, whatever Han characters it
    has.
    """
    if text.isascii() or not _NOT_LATIN.search(text):
        return "Latin" if _ENOUGH_LATIN.search(text) else None
    counts = {name: len(letters.findall(text)) for name, letters in _LETTERS.items()}
    if counts["Japanese"]:
        counts["Japanese"] += counts.pop("Han")
    name = max(counts, key=lambda name: counts[name])
    few = _MIN_LETTERS if name == "Latin" else _MIN_LETTERS // 3
    return name if counts[name] >= few and counts[name] >= 0.75 * sum(counts.values()) else None
