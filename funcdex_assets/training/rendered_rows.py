"""Renders conversations with a chat template and encodes them, each part of the text by what it is.

Belongs here: which tokens a conversation has, and whose they are. What a token counts in the loss belongs to
`token_rows.py`.

Two things a plain call of the tokenizer gets wrong:

- **A special token is written by the template only.** A user who types `<|im_end|>` has typed ten characters. What
  messages and tools say is guarded while the template is rendered, so that it can be told from what the template says.
- **What the assistant says begins a token.** A server encodes the prompt by itself, and the model goes on from there;
  so a row is encoded in parts that end where the assistant begins or stops to speak.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record
from funcdex_assets.training.byte_level_bpe import SPECIAL_TOKENS
from funcdex_assets.training.chat_templates import ChatTemplateError, has_generation_markers, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# Code points that Unicode keeps for such purposes and that no text should have.
_GUARDS = tuple(map(chr, range(0xFDD0, 0xFDF0)))
_SAID_BY_NOBODY = "\ufdd0\ufdd1\ufdd2"
_PROBE_TEXTS = ('Turn 21 on.\n\n  It\'s naïve: {"a": [1, 2]} 東京', " Zwölf Boxkämpfer", '{"id": "a-1_b"}')


# Text, speaker, whether it is in the prefix, whether it is a special token; see `RenderedPart`.
_Piece = tuple[str, int | None, bool, bool]


class UnsuitableTokenizerError(UserError):
    """Raised where a tokenizer encodes a text in parts otherwise than the whole of it; the message says what to do."""


class RenderedPart(Record, frozen=True):
    """A part of a rendered conversation.

    `speaker` is the place of the assistant's message that it is of, among the assistant's messages; None for prompt.
    Parts `in_prefix` are before the first message that is not the system's. `is_special` parts are one special token.
    """

    text: str
    token_ids: tuple[int, ...]
    speaker: int | None
    in_prefix: bool
    is_special: bool


class ConversationEncoder:
    """Encodes conversations by a tokenizer that has a chat template with generation markers.

    Raises:
        ChatTemplateError: the template has no markers.
        UnsuitableTokenizerError: the tokenizer cannot encode a conversation in parts.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerFast") -> None:
        self.tokenizer = tokenizer
        template: Any = tokenizer.chat_template
        if not isinstance(template, str) or not has_generation_markers(template):
            raise ChatTemplateError(
                "The tokenizer has no chat template with generation markers; give it the one of choose_chat_template"
            )
        self._template: str = template
        self._special_ids = _list_special_tokens(tokenizer)
        longest_first = sorted(self._special_ids, key=lambda token: (-len(token), token))
        self._special = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._prefixes: dict[str, str] = {}
        self._check_parts()

    def encode(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None
    ) -> list[RenderedPart]:
        """Renders a conversation and returns its parts in order; without `tools`, none are shown.

        Raises:
            ChatTemplateError: the template marks more or fewer spans than the assistant has messages.
            jinja2.TemplateError: the template refuses the messages.
        """
        guard = _choose_guard((messages, tools))
        guarded = self._guard_texts(list(messages), guard)
        guarded_tools = self._guard_texts(list(tools), guard) if tools else None
        text, spans = self._render(guarded, guarded_tools)
        speakers = sum(message["role"] == "assistant" for message in messages)
        if len(spans) != speakers:
            raise ChatTemplateError(
                f"The chat template marks {len(spans)} spans of a row in which the assistant speaks {speakers} times; "
                "set training.chat_template to `ours`"
            )
        prefix = self._find_prefix(guarded, guarded_tools, text)
        pieces = [
            piece
            for start, end, speaker in _list_fragments(prefix, spans, len(text))
            for piece in self._split_at_specials(text[start:end], speaker, end <= prefix)
        ]
        return self._encode_pieces(pieces, guard)

    def encode_prompt(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None
    ) -> list[int]:
        """Encodes a conversation up to where the assistant is to go on, as a row would have it."""
        guard = _choose_guard((messages, tools))
        guarded = self._guard_texts(list(messages), guard)
        guarded_tools = self._guard_texts(list(tools), guard) if tools else None
        text, _ = self._render(guarded, guarded_tools, add_generation_prompt=True)
        parts = self._encode_pieces(self._split_at_specials(text, None, False), guard)
        return [token for part in parts for token in part.token_ids]

    def _render(
        self, messages: Any, tools: Any, *, add_generation_prompt: bool = False
    ) -> tuple[str, list[tuple[int, int]]]:
        return render(
            self._template,
            messages,
            tools,
            self.tokenizer.special_tokens_map,
            add_generation_prompt=add_generation_prompt,
        )

    def _guard_texts(self, value: Any, guard: str) -> Any:
        """Puts the guard into each special token that a message or tool spells."""
        if isinstance(value, str):
            return self._special.sub(lambda found: found[0][0] + guard + found[0][1:], value)
        if isinstance(value, Mapping):
            return {self._guard_texts(key, guard): self._guard_texts(item, guard) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._guard_texts(item, guard) for item in value]
        return value

    def _find_prefix(self, messages: list[Any], tools: Any, text: str) -> int:
        """Returns how many characters the row shares with every other of the same system prompt and tools.

        A conversation in which something else is said first begins alike up to the turn in which it is said.
        """
        head = [messages[0]] if messages and messages[0]["role"] in ("system", "developer") else []
        key = repr((head, tools))
        if key not in self._prefixes:
            other, _ = self._render([*head, {"role": "user", "content": _SAID_BY_NOBODY}], tools)
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(other, text, strict=False)))
            specials = [found.start() for found in self._special.finditer(text, 0, same)]
            self._prefixes[key] = text[: specials[-1]] if specials else ""
        shared = self._prefixes[key]
        return len(shared) if text.startswith(shared) else 0

    def _split_at_specials(self, text: str, speaker: int | None, in_prefix: bool) -> list[_Piece]:
        pieces: list[_Piece] = []
        place = 0
        for special in self._special.finditer(text):
            pieces += [
                (text[place : special.start()], speaker, in_prefix, False),
                (special[0], speaker, in_prefix, True),
            ]
            place = special.end()
        pieces.append((text[place:], speaker, in_prefix, False))
        return [piece for piece in pieces if piece[0]]

    def _encode_pieces(self, pieces: Sequence[_Piece], guard: str) -> list[RenderedPart]:
        """Encodes plain pieces; where the guard is, a special token that is none is cut, so that it stays text."""
        cuts = [[] if is_special else [cut for cut in text.split(guard) if cut] for text, _, _, is_special in pieces]
        encodings = iter(
            self.tokenizer.backend_tokenizer.encode_batch_fast(
                [cut for parts in cuts for cut in parts], add_special_tokens=False
            )
        )
        encoded = []
        for (text, speaker, in_prefix, is_special), parts in zip(pieces, cuts, strict=True):
            ids = [self._special_ids[text]] if is_special else [id_ for _ in parts for id_ in next(encodings).ids]
            encoded.append(RenderedPart(text.replace(guard, ""), tuple(ids), speaker, in_prefix, is_special))
        return encoded

    def _check_parts(self) -> None:
        """Encodes a probe in parts and as a whole: servers encode the whole of it, and must get the same ids.

        Raises:
            UnsuitableTokenizerError: the ids differ.
        """
        messages = [
            {"role": "system", "content": _PROBE_TEXTS[0]},
            {"role": "user", "content": _PROBE_TEXTS[1]},
            {"role": "assistant", "content": _PROBE_TEXTS[0]},
            {"role": "user", "content": _PROBE_TEXTS[2]},
            {"role": "assistant", "content": _PROBE_TEXTS[2]},
        ]
        in_parts = [token for part in self.encode(messages, None) for token in part.token_ids]
        whole = self.tokenizer.backend_tokenizer.encode(self._render(messages, None)[0], add_special_tokens=False).ids
        if in_parts != whole:
            place = next(
                (at for at, (one, other) in enumerate(zip(in_parts, whole, strict=False)) if one != other), len(whole)
            )
            raise UnsuitableTokenizerError(
                f"The tokenizer {self.tokenizer.name_or_path or ''} encodes a conversation in parts otherwise than as "
                f"a whole (from token {place}: {in_parts[place : place + 3]} and {whole[place : place + 3]}), so a "
                "server would see other tokens than the training did; take a byte-level tokenizer (GPT-2, SmolLM2, "
                "Qwen, Llama 3) or training.base: scratch"
            )


def _list_special_tokens(tokenizer: "PreTrainedTokenizerFast") -> dict[str, int]:
    """Lists the tokens that only a template may write: those that are marked special, and the markup of calls."""
    return {
        token.content: token_id
        for token_id, token in tokenizer.added_tokens_decoder.items()
        if token.special or token.content in SPECIAL_TOKENS
    }


def _choose_guard(value: Any) -> str:
    """Returns a character that the row does not have."""
    written = repr(value)  # which spells these code points as escapes
    for guard in _GUARDS:
        if repr(guard)[1:-1] not in written:
            return guard
    raise ValueError("A row has all 32 code points from U+FDD0 to U+FDEF, which are no characters; remove one of them")


def _list_fragments(prefix: int, spans: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int, int | None]]:
    """Lists the stretches (first, end, speaker) that are encoded by themselves, in order."""
    fragments: list[tuple[int, int, int | None]] = [(0, prefix, None)]
    place = prefix
    for speaker, (start, end) in enumerate(spans):
        fragments += [(place, start, None), (start, end, speaker)]
        place = end
    return [fragment for fragment in (*fragments, (place, length, None)) if fragment[0] < fragment[1]]
