"""Patterns of private data, each with the check digits or words by which a real one is told from chance.

>>> list(find_private_data("Card 4539 1488 0343 6467, IBAN DE89 3704 0044 0532 0130 00, card 4539 1488 0343 6468."))
[('card number', '4539 1488 0343 6467'), ('IBAN', 'DE89 3704 0044 0532 0130 00')]
"""

import re
from collections.abc import Iterator

# Each pattern begins with a rare character, for speed; `find_private_data` then checks the character before a match.
_PATTERNS = {
    "card number": re.compile(
        r"(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6011|65\d\d)([ -]?)\d{4}(?:\1\d{4}){2}(?![\w-])"
        r"|3[47]\d\d([ -]?)\d{6}\2\d{5}(?![\w-])"
    ),
    "IBAN": re.compile(r"[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"),
    "social security number": re.compile(r"\d{3}(?<!000|666|9\d\d)-(?!00)\d\d-(?!0000)\d{4}(?![\w-])"),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "API key": re.compile(
        r"(?:sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}|sk_live_[A-Za-z0-9]{16,}|AKIA[0-9A-Z]{16}"
        r"|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{35}|glpat-[A-Za-z0-9_-]{20})(?!\w)"
    ),
}
_SIGNS = {  # cheap to look for: a text without the sign has no such data
    "card number": re.compile(r"\d\d\d\d[ -]?\d\d\d\d[ -]?\d\d"),
    "IBAN": re.compile(r"[A-Z][A-Z]\d\d"),
    "social security number": re.compile(r"-(?<=\d\d\d-)\d\d-\d\d\d\d"),
    "private key": re.compile("PRIVATE KEY"),
    "API key": re.compile(r"sk[-_]|AKIA|gh[pousr]_|xox|AIza|glpat-"),
}
_CARD_WORD = re.compile(r"\b(?:card|visa|mastercard|amex|cvc|cvv)\b", re.IGNORECASE)


def find_private_data(text: str) -> Iterator[tuple[str, str]]:
    """Yields (kind of private data, the text) of each match that passes its check."""
    for kind, pattern in _PATTERNS.items():
        if not _SIGNS[kind].search(text):
            continue
        for match in pattern.finditer(text):
            before = text[match.start() - 1 : match.start()]
            if before.isalnum() or (before and before in "_./-" and kind != "private key"):
                continue
            if kind == "card number" and not (
                _passes_luhn_check(match[0]) and (not match[0].isdigit() or _CARD_WORD.search(text))
            ):
                continue  # one long id in ten has the right last digit by chance
            if kind == "IBAN" and not _passes_mod97_check(match[0]):
                continue
            yield kind, match[0]


def _passes_luhn_check(text: str) -> bool:
    """True if the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    digits = [int(letter) for letter in reversed(text) if letter.isdigit()]
    total = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return total % 10 == 0


def _passes_mod97_check(text: str) -> bool:
    """True if an IBAN has the right check digits (ISO 13616): moved to the end, read in base 36, it is 1 modulo 97."""
    plain = text.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1
