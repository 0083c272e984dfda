"""Measures the length of conversations, and how many messages back their calls and recalls reach.

    python benchmarks/long_context.py [conversations per partition] [seed] [kinds]

By default `long_context` beside `multi_step`, 5 of each partition. Every conversation is played by the offline engine,
held against all rules, judged, and executed again.
"""

import asyncio
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator

from pipeline import cast_of

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.dialogue.dialogue_state import is_from_an_earlier_goal
from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.environment.replay import replay_conversation, to_recording
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings.settings import Settings, load_settings
from funcdex_assets.strategies.outcome import build_case
from funcdex_assets.strategies.strategy import converse_all, select_strategy

ENGINE = OfflineEngine(IMPROVISATIONS)


def late_calls(cast: Participants, held: Conversation) -> Iterator[int]:
    """Yields the distance in messages for each argument that comes from a result of an earlier goal."""
    call_positions = [index for index, message in enumerate(held.messages) for _ in message.tool_calls]
    for step_index, step in enumerate(cast.plan.steps):
        for argument in step.arguments:
            if argument.step is not None and is_from_an_earlier_goal(cast.plan, argument.step, step.goal):
                yield call_positions[step_index] - call_positions[argument.step]


def late_recalls(cast: Participants, held: Conversation) -> Iterator[int]:
    """Yields the distance in messages for each detail of an earlier goal that the user asks for again.

    Its question is the last user message before the first call of the next turn.
    """
    call_positions = [index for index, message in enumerate(held.messages) for _ in message.tool_calls]
    user_messages = [index for index, message in enumerate(held.messages) if message.role == "user"]
    for number, turn in enumerate(cast.plan.turns):
        goal = max((step.goal for step in cast.plan.steps if step.turn < number), default=0)
        if turn.kind == "recall" and turn.step is not None and is_from_an_earlier_goal(cast.plan, turn.step, goal):
            later_calls = [
                call_positions[step_index] for step_index, step in enumerate(cast.plan.steps) if step.turn > number
            ]
            yield (
                max(index for index in user_messages if index < min(later_calls, default=len(held.messages)))
                - call_positions[turn.step]
            )


async def measure(settings: Settings, kind: str, count: int) -> None:
    """Plays, checks and replays conversations of one kind, and prints their figures."""
    generation = settings.generation.model_copy(update={"kinds": {kind: 1}})
    settings = settings.model_copy(update={"generation": generation})
    figures: dict[str, list[int]] = {name: [] for name in ("user turns", "calls", "characters", "tools on offer")}
    farthest: list[int] = []
    counts: Counter[str] = Counter()
    spent = 0.0
    for partition in settings.partitions:
        casts = await cast_of(settings, partition, count)
        began = time.process_time()
        played = await converse_all(casts, ENGINE, select_strategy(generation), settings.seed)
        cases = [
            build_case(cast, conversation.messages, conversation.provenance)
            for cast, conversation in zip(casts, played, strict=True)
        ]
        findings = [find_problems(case) for case in cases]
        spent += time.process_time() - began
        for cast, conversation, case_findings in zip(casts, played, findings, strict=True):
            has_good_calls = (
                judge_conversation(cast.plan, conversation.messages, case_findings).tool_use_quality
                >= settings.judging.min_scores.tool_use_quality
            )
            recording = to_recording(conversation, cast.situation, cast.tools_ever_offered)
            calls, recalls = list(late_calls(cast, conversation)), list(late_recalls(cast, conversation))
            farthest += [max(calls + recalls)] if calls or recalls else []
            counts["all"] += 1
            is_blocked = any(finding.blocking for finding in case_findings)
            counts["accepted"] += 1 if has_good_calls and not is_blocked else 0
            counts["the same again"] += 1 if recording is not None and not replay_conversation(recording) else 0
            counts["with a late call"] += 1 if calls else 0
            counts["with a late call or recall"] += 1 if calls or recalls else 0
            figures["user turns"].append(sum(message.role == "user" for message in conversation.messages))
            figures["calls"].append(sum(len(message.tool_calls) for message in conversation.messages))
            figures["characters"].append(len(render_conversation(conversation.messages)))
            figures["tools on offer"].append(len(cast.tools))
    print(f"{kind}: {', '.join(f'{name} {number}' for name, number in counts.items())}")
    for name, numbers in (figures | {"messages back, of the farthest": farthest}).items():
        if numbers:
            mean, middle = statistics.mean(numbers), statistics.median(numbers)
            print(f"  {name}: {min(numbers)} to {max(numbers)}, mean {mean:,.1f}, median {middle:,.1f}")
    print(f"  CPU to play and check one: {spent / counts['all'] * 1e3:.1f} ms")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    settings = load_settings()
    settings = settings.model_copy(update={"seed": int(sys.argv[2])}) if len(sys.argv) > 2 else settings
    asyncio.run(cast_of(settings, "gmail", 5))  # lexicon and schemas are loaded once per process
    for kind in sys.argv[3:] or ("long_context", "multi_step"):
        asyncio.run(measure(settings, kind, count))


if __name__ == "__main__":
    main()
