"""All that is known when a call is made, read once for all its arguments.

Belongs here: the reading of what was said, returned and given before. How a value follows from it is in
`derivations.py`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from funcdex_assets.checks.rules.claims import Support
from funcdex_assets.language.values import Situation
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular

WORD_OR_NUMBER = re.compile(r"[^\W_]{2,}")
_MOST_COMPARED = 40  # numbers


@dataclass(frozen=True)
class Known:
    """All that is known when a call is made.

    `utterances` are the user's, by message; `said` the assistant's; `results` the contents of results by call; `calls`
    those made before.
    """

    situation: Situation
    utterances: Sequence[tuple[int, str]]
    said: Sequence[str]
    results: Sequence[tuple[str, Any]]
    calls: Sequence[ToolCall]

    @cached_property
    def all_requests(self) -> str:
        """All that the user said, in lower case."""
        return " ".join(text for _, text in self.utterances).lower()

    @cached_property
    def result_scalars(self) -> Sequence[tuple[str, str, Any]]:
        """(call, pointer, value) of each scalar in a result, the latest result first."""
        return [(call, *scalar) for call, content in reversed(self.results) for scalar in list_scalars(content)]

    @cached_property
    def numbers(self) -> Sequence[float]:
        """The first numbers of results and requests, without repetition."""
        from_results = [value for _, _, value in self.result_scalars if type(value) in (int, float)]
        said = [float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", self.all_requests)]
        return list(dict.fromkeys([*from_results[:_MOST_COMPARED], *said]))[:_MOST_COMPARED]

    @cached_property
    def words(self) -> frozenset[str]:
        """All words that were said, returned or given, in lower case."""
        persona = self.situation.persona
        texts = [persona.name, persona.company, *self.said, self.all_requests]
        texts += [str(value) for _, _, value in self.result_scalars]
        texts += [str(value) for call in self.calls for _, value in list_scalars(call.arguments)]
        return frozenset(word.lower() for text in texts for word in WORD_OR_NUMBER.findall(text))

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(to_singular(word) for word in self.words)

    @cached_property
    def field_names(self) -> dict[str, str]:
        """The fields of results without separators, each with the latest call that returned it."""
        names: dict[str, str] = {}
        for call, pointer, _ in self.result_scalars:
            for step in pointer.split("/"):
                names.setdefault("".join(split_words(step)), call)
        return names

    @cached_property
    def support(self) -> Support:
        """What supports the facts in a text that is composed."""
        support = Support(self.situation.now)
        support.add_record(self.situation.persona)
        for text in (*self.said, *(text for _, text in self.utterances)):
            support.add_text(text)
        for _, content in self.results:
            support.add_value(content)
        for call in self.calls:
            support.add_value(call.arguments)
        return support
