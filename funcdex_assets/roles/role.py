"""What a role is: a prompt, an output type with its constraint, and an improvisation.

`play` is the only way in which a role is asked, whoever plays it: the request goes to the engine, the
text that comes back is parsed into the output type. A real model reads the prompt file; the offline
engine calls the improvisation with the subject and the seed. An answer that does not parse is asked
for again under another seed, then raised.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from random import Random
from typing import Any, Generic, TypeVar

import msgspec

from funcdex_assets.inference.protocol import (
    DEFAULT_SAMPLING,
    ChatMessage,
    InferenceEngine,
    InferenceError,
    JsonSchemaConstraint,
    Request,
    Sampling,
)
from funcdex_assets.seeds import derive_seed

Subject = TypeVar("Subject")
Output = TypeVar("Output")
ATTEMPTS = 3
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Role(Generic[Subject, Output]):
    """`variables` gives the values of the prompt's `{{names}}`; `output` is a Struct, or str for prose.

    The prompt is `<name>.md` beside the role's module: a system part and, after a line `---`, a user
    part. The long part that many requests share comes first, so that servers can cache it.
    """

    name: str
    output: type[Output]
    variables: Callable[[Subject], Mapping[str, object]]
    improvise: Callable[[Subject, Random], Any]
    sampling: Sampling = DEFAULT_SAMPLING

    async def play(self, engine: InferenceEngine, subject: Subject, seed: int) -> Output:
        """
        Raises:
            InferenceError: the engine failed, or gave nothing that parses in three attempts.
        """
        failure = ""
        for attempt in range(ATTEMPTS):
            request = Request(
                self.name,
                subject=subject,
                prompt=lambda: self._prompt(subject),
                seed=seed if attempt == 0 else derive_seed(seed, attempt),
                sampling=self.sampling,
                constraint=self._constraint,
            )
            completion = await engine.complete(request)
            if self.output is str:
                if text := completion.text.strip():
                    return text  # type: ignore[return-value]
                failure = "an empty answer"
                continue
            try:
                return self._decoder.decode(completion.text)
            except msgspec.DecodeError as error:
                failure = f"{error} in {completion.text[:200]!r}"
        raise InferenceError(
            f"Role {self.name!r}: {engine.name} gave no answer that parses in {ATTEMPTS} attempts; the last one: "
            f"{failure}. Check that the server honours JSON Schema constraints, or raise inference.max_tokens",
            retryable=False,
        )

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Output]:
        return msgspec.json.Decoder(self.output)

    @cached_property
    def _constraint(self) -> JsonSchemaConstraint | None:
        return None if self.output is str else JsonSchemaConstraint(self.name, _inlined_schema(self.output))

    def _prompt(self, subject: Subject) -> tuple[ChatMessage, ...]:
        system, _, user = fill_prompt(self.name, self.variables(subject)).partition("\n---\n")
        return ChatMessage("system", system.strip()), ChatMessage("user", user.strip())


async def play_all(
    role: Role[Subject, Output],
    engine: InferenceEngine,
    subjects: Sequence[Subject],
    seed: int,
    advanced: Callable[[], None] = lambda: None,
) -> list[Output]:
    """Plays the role for all subjects at once (the engine bounds how many); answers in their order.

    `advanced` is called after each answer. Each subject's own seed follows from its place.
    """

    async def one(index: int, subject: Subject) -> Output:
        output = await role.play(engine, subject, derive_seed(seed, role.name, index))
        advanced()
        return output

    return await asyncio.gather(*(one(index, subject) for index, subject in enumerate(subjects)))


def fill_prompt(name: str, variables: Mapping[str, object]) -> str:
    """The prompt file with its variables filled in.

    Raises:
        KeyError: the prompt uses a variable that the role does not give.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise KeyError(f"prompt {name}.md uses {{{{{match[1]}}}}}, which role {name!r} does not give")
        return str(variables[match[1]])

    return _VARIABLE.sub(value, _template(name))


@cache
def _template(name: str) -> str:
    return files("funcdex_assets.roles").joinpath(f"{name}.md").read_text(encoding="utf-8")


def _inlined_schema(output: type) -> dict[str, Any]:
    """The output type's JSON Schema without `$ref`, which not every server follows."""
    schema = msgspec.json.schema(output)
    definitions = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return inline(definitions[part["$ref"].rsplit("/", 1)[-1]])
            return {key: inline(value) for key, value in part.items() if key != "title"}
        return [inline(value) for value in part] if isinstance(part, list) else part

    return inline(schema)
