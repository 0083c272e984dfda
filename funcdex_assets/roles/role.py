"""Defines a role: a prompt, an output type with its constraint, and an improvisation.

`Role.play` is the only way in which a role is asked, whoever plays it: the request goes to the engine, the answer that
comes back is read into the output type. A real model reads the prompt file; the offline engine calls the improvisation
with the subject and the seed. An answer that cannot be read is asked for again under another seed, then given up.
Each role has a module of its own beside this one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib.resources import files
from random import Random
from typing import Any, Generic, TypeVar

import msgspec

from funcdex_assets.inference.protocol import (
    DEFAULT_SAMPLING,
    ChatMessage,
    Completion,
    Constraint,
    InferenceEngine,
    InferenceError,
    JsonSchemaConstraint,
    Request,
    Sampling,
)
from funcdex_assets.records.record import Json
from funcdex_assets.records.row_failures import RowFailure, gather_each
from funcdex_assets.records.seeds import derive_seed

Subject = TypeVar("Subject")
Output = TypeVar("Output")
ATTEMPTS = 3
_VARIABLE_REFERENCE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Role(Generic[Subject, Output]):
    """One thing that a model is asked to be. `variables` gives the values of the prompt's `{{names}}`; `output` is a
    Struct, or str for prose.

    The prompt is `<name>.md` beside the role's module: a system part and, after a line `---`, a user part. The long
    part that many requests share comes first, so that servers can cache it. Some roles depart from this: `prompt` makes
    other messages, `constraint` depends on the subject, `tools` offers tools in the chat completions form, and `read`
    takes the answer from the whole completion (raising ValueError where there is none). `member` is the place in a
    committee of those who play it.
    """

    name: str
    output: type[Output]
    variables: Callable[[Subject], Mapping[str, object]]
    improvise: Callable[[Subject, Random], Any]
    sampling: Sampling = DEFAULT_SAMPLING
    prompt: Callable[[Subject], tuple[ChatMessage, ...]] | None = None
    constraint: Callable[[Subject], Constraint | None] | None = None
    tools: Callable[[Subject], tuple[Json, ...]] | None = None
    read: Callable[[Completion], Output] | None = None
    member: int | None = None

    async def play(self, engine: InferenceEngine, subject: Subject, seed: int) -> Output:
        """Asks the engine to play the role for this subject, and reads its answer.

        An unreadable answer that a readable one follows stays in the journal, since a replay needs it to come to the
        same answer without asking. Only those after which nothing came are withdrawn.

        Raises:
            InferenceError: the engine failed, or gave no readable answer in three attempts (kind "unreadable").
        """
        failure = ""
        requests: list[Request] = []
        for attempt in range(ATTEMPTS):
            requests.append(self.build_request(subject, derive_seed(seed, attempt) if attempt else seed))
            completion = await engine.complete(requests[-1])
            try:
                return self.read(completion) if self.read else self._read_answer(completion)
            except ValueError as error:
                failure = str(error)
        for request in requests:
            await request.give_up()
        raise InferenceError(
            f"Role {self.name!r}: {engine.name} gave no answer that parses in {ATTEMPTS} attempts; the last one: "
            f"{failure}. Check that the server honours JSON Schema constraints, or take a more capable model",
            retryable=False,
            kind="unreadable",
        )

    def build_request(self, subject: Subject, seed: int) -> Request:
        """Builds the request to the engine; its prompt and constraint are rendered only when an engine wants them."""
        return Request(
            self.name,
            subject=subject,
            prompt=partial(self.prompt or self.render_messages, subject),
            seed=seed,
            sampling=self.sampling,
            constraint=partial(self.constraint, subject) if self.constraint else self._output_constraint,
            tools=self.tools(subject) if self.tools else (),
            member=self.member,
        )

    def render_messages(self, subject: Subject) -> tuple[ChatMessage, ...]:
        """Renders the system and the user message of the prompt file; no user message where it has no `---`."""
        system, _, user = fill_prompt(self.name, self.variables(subject)).partition("\n---\n")
        user_messages = (ChatMessage("user", user.strip()),) if user.strip() else ()
        return ChatMessage("system", system.strip()), *user_messages

    def _read_answer(self, completion: Completion) -> Output:
        """Reads the answer into the output type; 5.0 and "5" pass for the integer 5, 4.5 does not.

        Raises:
            ValueError: what is wrong with the answer (msgspec's errors are ValueErrors).
        """
        if self.output is not str:
            try:
                return self._decoder.decode(completion.text)
            except msgspec.DecodeError as error:
                raise ValueError(f"{error} in {completion.text[:200]!r}") from None
        if completion.finish_reason == "length":
            raise ValueError(f"a text cut at {self.sampling.max_tokens} tokens: {completion.text[:200]!r}")
        text = completion.text.strip()
        if not text:
            raise ValueError("an empty answer")
        return text  # type: ignore[return-value]

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Output]:
        return msgspec.json.Decoder(self.output, strict=False)

    @cached_property
    def _output_constraint(self) -> JsonSchemaConstraint | None:
        return None if self.output is str else JsonSchemaConstraint(self.name, build_inlined_schema(self.output))


async def play_each(
    role: Role[Subject, Output],
    engine: InferenceEngine,
    subjects: Sequence[Subject],
    seed: int,
    identify: Callable[[Subject], str],
    advanced: Callable[[], None] = lambda: None,
) -> tuple[list[tuple[Subject, Output]], list[RowFailure]]:
    """Plays the role for all subjects at once (the engine bounds how many); returns each that has an answer with it, in
    their order, and the failures of the others.

    The seed of a subject follows from its identity, so that an answer does not depend on which others are asked for.
    `advanced` is called after each.

    Raises:
        InferenceError: the engine failed.
    """

    async def play_one(subject: Subject) -> Output:
        try:
            return await role.play(engine, subject, derive_seed(seed, role.name, identify(subject)))
        finally:
            advanced()

    return await gather_each(subjects, play_one, identify)


def fill_prompt(name: str, variables: Mapping[str, object]) -> str:
    """Fills the variables of a prompt file.

    Raises:
        KeyError: the prompt uses a variable that the role does not give.
    """

    def fill_variable(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise KeyError(f"prompt {name}.md uses {{{{{match[1]}}}}}, which role {name!r} does not give")
        return str(variables[match[1]])

    return _VARIABLE_REFERENCE.sub(fill_variable, _read_template(name))


@cache
def _read_template(name: str) -> str:
    """Reads the prompt file of a role."""
    return files("funcdex_assets.roles").joinpath(f"{name}.md").read_text(encoding="utf-8")


def build_inlined_schema(output: type) -> dict[str, Any]:
    """Returns the output type's JSON Schema without `$ref`, which not every server follows."""
    schema = msgspec.json.schema(output)
    definitions = schema.pop("$defs", {})

    def inline_references(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return inline_references(definitions[node["$ref"].rsplit("/", 1)[-1]])
            # The keyword `title` is a text; a field of that name has a schema, and stays.
            return {
                key: inline_references(value)
                for key, value in node.items()
                if key != "title" or not isinstance(value, str)
            }
        return [inline_references(value) for value in node] if isinstance(node, list) else node

    return inline_references(schema)


def render_lessons(lessons: Sequence[str]) -> str:
    """Renders what was wrong with an earlier try, to follow a sentence of a prompt; '' if nothing was.

    >>> print(render_lessons(["false_count: more files follow"]).strip())
    An earlier try was rejected. Make sure that this does not happen again:
    - false_count: more files follow
    """
    if not lessons:
        return ""
    listed = "\n".join(f"- {lesson}" for lesson in lessons)
    return f"\nAn earlier try was rejected. Make sure that this does not happen again:\n{listed}"
