"""Lets somebody from outside act in a world: call its tools, start over, go back to a state, check the end state.

Belongs here: `WorldSession`, a plain object without a network. Unlike the world of a written conversation, a live one
is strict: it refuses identifiers and page tokens that nothing has shown, with the service's own errors. How a session
is offered to others is in `mcp_server`, `openenv_environment` and `trl_environment`; what it is to reach, in `goals`.

    session = WorldSession(tools, situation, seed=7)
    found = session.call("FETCH_EMAILS", {"query": "lease"}).content
    session.call("STAR_EMAIL", {"message_id": found["messages"][0]["id"]})
    session.check([{"name": "STAR_EMAIL", "arguments": {"message_id": "…"}}]).reached
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from funcdex_assets.environment.change_record import StateChanges
from funcdex_assets.environment.error_responses import build_refusal
from funcdex_assets.environment.executor import Executor
from funcdex_assets.environment.preconditions import Refusal
from funcdex_assets.environment.state_comparison import compare_changes, describe_changes
from funcdex_assets.environment.world import WORLD_VERSION
from funcdex_assets.language.values import Situation
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.suggestions import suggest_name
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.world_server.goals import Goal
from funcdex_assets.world_server.json_inputs import MOST_LEVELS_AROUND, find_json_flaw, find_snapshot_flaw
from funcdex_assets.world_server.told_values import ToldValues, iterate_service_ids
from funcdex_assets.world_server.tool_calls import CallOutcome, execute_call, is_lookup

_NOTHING_CHANGED = "nothing changed"
_MISSING_PROPERTY = re.compile(r'^"([^"]+)" is a required property$')


class SessionError(UserError):
    """Raised where a session cannot do what it is asked; the message says why and what to do."""


@dataclass(frozen=True)
class EndState:
    """The verdict on a state.

    `reached` is None where nothing was expected. `differences` say in words what is missing, otherwise, or too much,
    the first one first; `changes` what was changed. `checks_only` is "nothing changed" where no change was expected:
    then a right answer and a wrong one look the same.
    """

    reached: bool | None
    differences: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    checks_only: str = ""


@dataclass
class _Play:
    """One run of a session: an executor, what is told so far, and the log from which it can be run again."""

    executor: Executor
    told: ToldValues
    used_failures: set[int] = field(default_factory=set)
    log: list[dict[str, Any]] = field(default_factory=list)


class WorldSession:
    """A world that somebody from outside acts in, by the names of its `tools`.

    `situation` has the user and the moment; a goal brings its own, and a seed of its own. Where `is_strict`, calls with
    identifiers that neither a result, nor a text that was told, nor the goal has shown are refused.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        situation: Situation,
        seed: int,
        goals: Sequence[Goal] = (),
        *,
        is_strict: bool = True,
    ) -> None:
        self.tools = {tool.name: tool for tool in tools}
        self.goals = {goal.goal_id: goal for goal in goals}
        self.goal: Goal | None = None
        self.seed = seed
        self._own_situation = situation
        self._is_strict = is_strict
        self._service_ids = {tool.name: frozenset(iterate_service_ids(tool)) for tool in tools}
        self._play = self._begin()
        self.reset(goal=next(iter(self.goals), None))

    @property
    def situation(self) -> Situation:
        """The user and the moment of the goal, or of the session where there is none."""
        return self.goal.situation if self.goal else self._own_situation

    @property
    def call_count(self) -> int:
        """The calls since the last reset or restored snapshot, with those before the snapshot."""
        return sum("call" in entry for entry in self._play.log)

    def reset(self, goal: str | None = None, seed: int | None = None) -> None:
        """Starts over: with this goal, else with the same one; a `seed` is that of a world without a goal.

        Raises:
            SessionError: there is no such goal.
        """
        if goal is not None:
            if goal not in self.goals:
                raise SessionError(
                    f"there is no goal {goal!r}{suggest_name(goal, self.goals)}; "
                    f"there are {len(self.goals)}, listed by `goals`"
                )
            self.goal = self.goals[goal]
        if seed is not None:
            self.seed = seed
        self._play = self._begin()

    def call(self, name: str, arguments: Mapping[str, Any]) -> CallOutcome:
        """Executes a call. What a service would refuse comes back as its error; nothing is raised."""
        flaw = find_json_flaw(arguments)
        if flaw:
            return CallOutcome({"error": f"the arguments of {name} cannot be used: {flaw}"}, True)
        outcome = self._execute(self._play, name, dict(arguments))
        self._play.log.append({"call": name, "arguments": deepcopy(dict(arguments))})
        return outcome

    def tell(self, text: str) -> None:
        """Takes note of something that the user said, so that the identifiers in it may be used."""
        self._play.told.add_text(text)
        self._play.executor.begin_user_turn()
        self._play.log.append({"told": text})

    def list_changes(self) -> StateChanges:
        """Returns what the calls since the last reset have changed."""
        return self._play.executor.world.list_changes()

    def snapshot(self) -> dict[str, Any]:
        """Returns the present state as JSON, from which any session of the same toolkit can go on.

        It is the history of calls, since a world makes the same of them again: `world` (version), `seed`, `goal`, `log`
        and `state`, a hash by which `restore` verifies.
        """
        return {
            "world": WORLD_VERSION,
            "seed": self.seed,
            "goal": self.goal.goal_id if self.goal else None,
            "log": deepcopy(self._play.log),
            "state": self._play.executor.world.hash_state(),
        }

    def restore(self, snapshot: Any) -> None:
        """Goes back to a state.

        Raises:
            SessionError: it is no snapshot, or of another version, toolkit or set of goals; the session stays as it is.
        """
        other = self._replay(snapshot)
        self.goal, self.seed, self._play = other.goal, other.seed, other._play

    def check(self, expected: Any = None) -> EndState:
        """Compares what was changed with the goal, or with `expected`: a snapshot, or a list of calls.

        Calls are `{"name": …, "arguments": …}`; they are executed in a new world of the same seed and goal.

        Raises:
            SessionError: `expected` is neither, or one of its calls goes wrong.
        """
        changes = self.list_changes()
        described = tuple(describe_changes(changes))
        if expected is None and self.goal is None:
            return EndState(None, changes=described)
        wanted = self._find_expected_changes(expected)
        differences = tuple(compare_changes(wanted, changes))
        return EndState(not differences, differences, described, _NOTHING_CHANGED if wanted.is_empty else "")

    # ── other worlds ─────────────────────────────────────────────────────────────────────────

    def _find_expected_changes(self, expected: Any) -> StateChanges:
        if expected is None and self.goal is not None:
            return self.goal.expected
        if isinstance(expected, Mapping):
            return self._replay(expected).list_changes()
        if not isinstance(expected, list):
            raise SessionError("expected is neither a snapshot nor a list of calls {name, arguments}")
        play = self._begin()
        for number, call in enumerate(expected, start=1):
            name, arguments = (call.get("name"), call.get("arguments", {})) if isinstance(call, Mapping) else (None, {})
            if not isinstance(name, str) or not isinstance(arguments, Mapping):
                raise SessionError(f"expected call {number} is not {{name, arguments}}")
            flaw = find_json_flaw(arguments)
            if flaw:
                raise SessionError(f"the arguments of expected call {number}, {name}, cannot be used: {flaw}")
            outcome = self._execute(play, name, dict(arguments), is_strict=False)
            if outcome.is_error:
                raise SessionError(f"expected call {number}, {name}, goes wrong: {outcome.content}")
        return play.executor.world.list_changes()

    def _replay(self, snapshot: Any) -> "WorldSession":
        """Returns another session in the state of a snapshot."""
        if not isinstance(snapshot, Mapping) or not {"world", "seed", "goal", "log", "state"} <= set(snapshot):
            raise SessionError("that is no snapshot; give what `snapshot` returned")
        flaw = find_json_flaw(snapshot, MOST_LEVELS_AROUND)
        if flaw:
            raise SessionError(f"the snapshot cannot be read: {flaw}")
        if snapshot["world"] != WORLD_VERSION:
            raise SessionError(
                f"the snapshot is of version {snapshot['world']!r:.40} of the world, "
                f"and this is version {WORLD_VERSION}"
            )
        flaw = find_snapshot_flaw(snapshot)
        if flaw:
            raise SessionError(f"the snapshot was altered: {flaw}; give what `snapshot` returned, as it was")
        other = WorldSession(
            list(self.tools.values()),
            self._own_situation,
            snapshot["seed"],
            list(self.goals.values()),
            is_strict=self._is_strict,
        )
        if snapshot["goal"] is None:
            other.goal = None
            other._play = other._begin()
        else:
            other.reset(snapshot["goal"])
        for entry in snapshot["log"]:
            if "told" in entry:
                other.tell(entry["told"])
            else:
                other.call(entry["call"], entry["arguments"])
        if other._play.executor.world.hash_state() != snapshot["state"]:
            raise SessionError(
                "the calls of the snapshot lead to another state here; "
                "it is of another toolkit, of other definitions, or of a world for another user, company or moment "
                "(opened with another --user, --seed or --now)"
            )
        return other

    def _begin(self) -> _Play:
        """Returns a new run, warmed by the goal's look-ups, whose results count as not told yet."""
        seed = self.goal.seed if self.goal else self.seed
        play = _Play(Executor(self.situation, seed, self.tools), ToldValues([self.situation.persona.email]))
        if self.goal:
            for text in (self.goal.system_prompt, *self.goal.requests):
                play.told.add_text(text)
            for call, hints in self.goal.lookups:
                play.executor.run(call, hints)
        return play

    # ── one call ─────────────────────────────────────────────────────────────────────────────

    def _execute(
        self, play: _Play, name: str, arguments: dict[str, Any], *, is_strict: bool | None = None
    ) -> CallOutcome:
        tool = self.tools.get(name)
        if tool is None:
            return CallOutcome({"error": f"there is no tool {name!r}{suggest_name(name, self.tools)}"}, True)
        refusal = self._refuse_invalid(tool, arguments)
        if refusal is None and (self._is_strict if is_strict is None else is_strict):
            refusal = self._refuse_untold(play, tool, arguments)
        refusal = refusal or self._fail_as_planned(play, tool, arguments)
        if refusal is not None:
            return refusal
        outcome = execute_call(play.executor, tool, arguments)
        if not outcome.is_error:
            play.told.add_result(outcome.content)
            if not is_lookup(tool):
                play.told.add_result(arguments)
        return outcome

    def _refuse_invalid(self, tool: Tool, arguments: dict[str, Any]) -> CallOutcome | None:
        violations = find_violations(tool.parameters, arguments)
        if not violations:
            return None
        pointer, _, message = violations[0].partition(": ")
        missing = _MISSING_PROPERTY.match(message)
        argument = missing[1] if missing else pointer.strip("/").partition("/")[0]
        argument = "" if argument == "(whole)" else argument
        text = f"Invalid arguments for {tool.name}: {'; '.join(_read_violation(line) for line in violations)}."
        seed = self.goal.seed if self.goal else self.seed
        refusal = Refusal("invalid_argument", text, f"/{argument}" if argument else "")
        return CallOutcome(build_refusal(tool, arguments, refusal, seed), True)

    def _refuse_untold(self, play: _Play, tool: Tool, arguments: dict[str, Any]) -> CallOutcome | None:
        """Returns the service's error where an identifier or a page token is one that nothing has shown."""
        for pointer, value in list_scalars(arguments):
            name = next((step for step in reversed(pointer.split("/")) if not step.isdigit()), "")
            fault: Fault | None = None
            if isinstance(value, str) and value and is_page_token(name) and not play.told.knows(value):
                fault = "invalid_argument"
            elif play.told.is_untold_id(pointer, value, self._service_ids[tool.name]):
                fault = "not_found"
            if fault is not None:
                return CallOutcome(*play.executor.world.answer_fault(tool, arguments, fault, pointer))
        return None

    def _fail_as_planned(self, play: _Play, tool: Tool, arguments: dict[str, Any]) -> CallOutcome | None:
        """Returns the failure that the goal has for this call; passing ones, such as a time-out, come once."""
        for number, failure in enumerate(self.goal.failures if self.goal else ()):
            is_meant = failure.tool == tool.name and (
                failure.about == tool.name or dict(failure.arguments) == arguments
            )
            if is_meant and not (failure.is_passing and number in play.used_failures):
                play.used_failures.add(number)
                content, is_error = play.executor.world.answer_fault(tool, arguments, failure.fault, failure.about)
                play.executor.begin_user_turn()  # nobody is asked to sign in again; who tries again has waited
                return CallOutcome(content, is_error)
        return None


def _read_violation(line: str) -> str:
    pointer, _, message = line.partition(": ")
    return message if pointer == "(whole)" else f"{pointer.strip('/').replace('/', '.')}: {message}"
