"""Makes goals for agents out of published rows: a request, the world that it is about, and the end state.

Belongs here: which rows are goals, and why others are none. A goal's world is *warmed*: the look-ups of the row are
asked in it before the agent comes, so that the things the request is about exist, under the identifiers of the row,
whatever the agent asks first. The expected end state is what the row's calls change in such a world.

    goals, left_out = read_goals([Path("train.jsonl")], tools)
    goals[0].request, left_out.most_common()
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.environment.change_record import StateChanges
from funcdex_assets.environment.executor import Executor
from funcdex_assets.environment.replay import Recording, ReplayError, read_published_row
from funcdex_assets.environment.world import WORLD_VERSION
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import SealedCall
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.message import ToolCall
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.world_server.told_values import ToldValues, iterate_service_ids
from funcdex_assets.world_server.tool_calls import execute_call, is_lookup

_PASSING_FAULTS: tuple[Fault, ...] = ("rate_limit", "timeout")


class GoalError(UserError):
    """Raised where there are no goals to be had; the message counts why."""


class _NotAGoalError(Exception):
    """Raised for a row that is no goal; the text is the reason, the same for all rows of a kind."""


@dataclass(frozen=True)
class PlannedFailure:
    """A call that goes wrong in the goal's world; `about` is the tool's name where all its calls do.

    One that `is_passing` goes wrong once: the row makes the same call again, and it goes well.
    """

    tool: str
    arguments: Mapping[str, Any]
    fault: Fault
    about: str
    is_passing: bool


@dataclass(frozen=True)
class Goal:
    """What an agent is to reach, and the world in which it is to.

    `requests` are the user's messages up to the last one that led to a change, `lookups` the calls that warm the world,
    `failures` what goes wrong there as it did in the row, `expected` the changes to be made. The world has the row's
    `seed` and `situation`.
    """

    goal_id: str
    partition: str
    requests: tuple[str, ...]
    system_prompt: str
    situation: Situation
    seed: int
    lookups: tuple[tuple[ToolCall, SealedCall], ...]
    failures: tuple[PlannedFailure, ...]
    expected: StateChanges

    @property
    def request(self) -> str:
        """The user's messages as one text."""
        return "\n\n".join(self.requests)

    @property
    def messages(self) -> list[dict[str, str]]:
        """The system prompt, where there is one, and the request, as OpenAI messages."""
        system = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        return [*system, {"role": "user", "content": self.request}]


def read_goals(
    files: Sequence[Path], tools: Mapping[str, Tool], *, with_unchanged: bool = False
) -> tuple[list[Goal], Counter[str]]:
    """Reads published rows as goals in a world of these tools: of JSONL or Parquet files, of a release's folder, or of
    the latest release in a dataset's folder.

    Returns the goals and how many rows were left out, by reason. Goals in which nothing is to be changed, such as pure
    questions, are left out unless `with_unchanged`.

    Raises:
        GoalError: a file has no rows, a row is no JSON object, or no row is a goal.
        OSError: a file cannot be read.
    """
    goals: list[Goal] = []
    left_out: Counter[str] = Counter()
    for file in [file for path in files for file in _list_files(path)]:
        rows = list(_iterate_rows(file))
        if not rows:
            raise GoalError(f"{file} has no rows; give a release's train.jsonl or test.jsonl")
        for row in rows:
            try:
                goal = _build_goal(row, tools)
                if goal.expected.is_empty and not with_unchanged:
                    raise _NotAGoalError("nothing is to be changed (--unchanged offers these, too)")
            except _NotAGoalError as reason:
                left_out[str(reason)] += 1
            else:
                goals.append(goal)
    if not goals:
        reasons = "; ".join(f"{count} because {reason}" for reason, count in left_out.most_common())
        raise GoalError(f"none of the {left_out.total()} rows is a goal: {reasons}")
    return goals, left_out


def _list_files(path: Path) -> list[Path]:
    """Returns the file itself, or the splits in a folder."""
    if not path.is_dir():
        return [path]
    latest = path / "latest"
    folder = path / latest.read_text().strip() if latest.is_file() else path
    files = [folder / f"{split}.jsonl" for split in ("train", "test")]
    found = [file for file in files if file.is_file()]
    if not found:
        raise GoalError(
            f"{folder} has neither train.jsonl nor test.jsonl; give a release's folder, or one of its files"
        )
    return found


def _iterate_rows(file: Path) -> Iterator[Mapping[str, Any]]:
    if file.suffix == ".parquet":
        import polars as pl

        yield from pl.read_parquet(file).iter_rows(named=True)
        return
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line)
            except msgspec.DecodeError:
                row = None
            if not isinstance(row, dict):
                raise GoalError(f"{file}, line {number} is no JSON object; give a release's train.jsonl or test.jsonl")
            yield row


def _build_goal(row: Mapping[str, Any], tools: Mapping[str, Tool]) -> Goal:
    try:
        recording = read_published_row(row)
    except ReplayError:
        raise _NotAGoalError("they cannot be read as published rows") from None
    if recording is None:
        raise _NotAGoalError("they have no certificate, since a model made their results, or they are from elsewhere")
    if recording.seal.world != WORLD_VERSION:
        raise _NotAGoalError(
            f"they are of version {recording.seal.world} of the world, and this is version {WORLD_VERSION}"
        )
    calls = [call for message in recording.messages for call in message.tool_calls]
    if len(calls) != len(recording.seal.calls):
        raise _NotAGoalError("their certificates are of other calls")
    _check_tools(recording, calls, tools)
    pairs = list(zip(calls, recording.seal.calls, strict=True))
    system_prompt = _find_system_prompt(row)
    user_texts = [message.content or "" for message in recording.messages if message.role == "user"]
    lookups, expected = _run_reference(recording, pairs, tools, [system_prompt, *user_texts])
    return Goal(
        goal_id=recording.conversation_id,
        partition=str(row.get("partition", "")),
        requests=tuple(_list_requests(recording, tools)),
        system_prompt=system_prompt,
        situation=recording.situation,
        seed=recording.seal.seed,
        lookups=tuple(lookups),
        failures=tuple(_list_failures(pairs)),
        expected=expected,
    )


def _check_tools(recording: Recording, calls: Sequence[ToolCall], tools: Mapping[str, Tool]) -> None:
    """Checks that the world has the tools that the row calls, by the same schemas."""
    for name in dict.fromkeys(call.name for call in calls):
        tool, recorded = tools.get(name), recording.tools.get(name)
        if tool is None or recorded is None:
            raise _NotAGoalError("they call tools that this toolkit does not have")
        if (tool.parameters, tool.returns) != (recorded.parameters, recorded.returns):
            raise _NotAGoalError("their tools have other definitions than this toolkit's")


def _find_system_prompt(row: Mapping[str, Any]) -> str:
    messages = row["messages"]
    messages = msgspec.json.decode(messages) if isinstance(messages, str) else messages
    return next((str(message.get("content") or "") for message in messages if message["role"] == "system"), "")


def _list_failures(pairs: Sequence[tuple[ToolCall, SealedCall]]) -> Iterator[PlannedFailure]:
    for index, (call, hints) in enumerate(pairs):
        if hints.fault is None or hints.refused:
            continue
        is_passing = hints.fault in _PASSING_FAULTS or any(
            (later.name, later.arguments) == (call.name, call.arguments) and later_hints.fault is None
            for later, later_hints in pairs[index + 1 :]
        )
        yield PlannedFailure(call.name, call.arguments, hints.fault, hints.about, is_passing)


def _list_requests(recording: Recording, tools: Mapping[str, Tool]) -> list[str]:
    """Returns what the user says up to the last change; of a row without a change, all of it."""
    texts: list[str] = []
    upto = 0
    for message in recording.messages:
        if message.role == "user":
            texts.append(message.content or "")
        if any(not is_lookup(tools[call.name]) for call in message.tool_calls):
            upto = len(texts)
    return texts[: upto or None]


def _run_reference(
    recording: Recording,
    pairs: Sequence[tuple[ToolCall, SealedCall]],
    tools: Mapping[str, Tool],
    texts: Sequence[str],
) -> tuple[list[tuple[ToolCall, SealedCall]], StateChanges]:
    """Returns the look-ups that warm a world for the row, and what its calls change there.

    Raises:
        _NotAGoalError: in the warmed world, a call goes wrong or names an identifier that nothing has shown.
    """
    good_pairs = [(call, hints) for call, hints in pairs if hints.fault is None and not hints.refused]
    executor = Executor(recording.situation, recording.seal.seed, tools)
    told = ToldValues([recording.situation.persona.email, *texts])
    lookups: list[tuple[ToolCall, SealedCall]] = []
    for call, hints in good_pairs:
        if is_lookup(tools[call.name]) and not _list_untold_ids(call, tools, told):
            lookups.append((call, hints))
            told.add_result(executor.run(call, hints).content)
    for call, hints in good_pairs:
        if _list_untold_ids(call, tools, told):
            raise _NotAGoalError("a warmed world gives other identifiers than their calls name")
        outcome = execute_call(executor, tools[call.name], call.arguments, hints)
        if outcome.is_error:
            raise _NotAGoalError("a call of theirs goes wrong that is no planned failure")
        told.add_result(outcome.content)
    return lookups, executor.world.list_changes()


def _list_untold_ids(call: ToolCall, tools: Mapping[str, Tool], told: ToldValues) -> list[str]:
    paths = frozenset(iterate_service_ids(tools[call.name]))
    return [str(value) for pointer, value in list_scalars(call.arguments) if told.is_untold_id(pointer, value, paths)]
