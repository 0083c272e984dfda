"""Every error of the offline conversations has a cause in the state of its world, or in the schema of its tool."""

from collections import Counter
from random import Random

import pytest
from offline import PARTITIONS, Played, played

from funcdex_assets.environment.executor import Executor
from funcdex_assets.environment.replay import iterate_calls_in_turns, to_recording
from funcdex_assets.records.conversation import SealedCall
from funcdex_assets.records.message import ToolCall

SIZE = 200


def causes_of(one: Played) -> list[tuple[str, str, str]]:
    """The errors of a conversation: the tool, the fault and its cause, as the world tells right after the call."""
    seal = one.conversation.seal
    assert seal is not None
    executor = Executor(one.cast.situation, seal.seed, one.cast.tools)
    recording = to_recording(one.conversation, one.cast.situation, one.cast.tools)
    assert recording is not None
    found = []
    for call, hints in iterate_calls_in_turns(recording, executor):
        result = executor.run(call, hints)
        if hints.fault is not None and result.error:
            cause = executor.world.find_cause(one.cast.tools[call.name], call.arguments, hints.fault, hints.about)
            found.append((call.name, hints.fault, cause))
    return found


def test_each_of_200_errors_has_a_cause():
    errors = [error for partition in PARTITIONS for one in played(partition, 60) for error in causes_of(one)]
    drawn = Random(17).sample(errors, min(SIZE, len(errors)))
    assert [error for error in drawn if not error[2]] == []
    assert len(drawn) == SIZE
    assert len(Counter(fault for _, fault, _ in drawn)) >= 4


def test_a_fault_out_of_nowhere_has_none():
    one = next(one for one in played("gmail", 10) if any(message.tool_calls for message in one.conversation.messages))
    executor = Executor(one.cast.situation, 3, one.cast.tools)
    listing = one.cast.tools["LIST_THREADS"]
    executor.run(ToolCall(id="call_1", name=listing.name, arguments={}), SealedCall())
    for fault in ("conflict", "permission_denied", "expired_auth", "rate_limit", "timeout"):
        assert executor.world.find_cause(listing, {}, fault) == ""


@pytest.mark.parametrize("fault", ["permission_denied", "expired_auth", "rate_limit", "timeout"])
def test_a_condition_is_told_as_the_cause(fault):
    one = played("gmail", 1)[0]
    executor = Executor(one.cast.situation, 3, one.cast.tools)
    listing = one.cast.tools["LIST_THREADS"]
    executor.run(ToolCall(id="call_1", name=listing.name, arguments={}), SealedCall(fault=fault))
    assert "since" in executor.world.find_cause(listing, {}, fault) or fault == "timeout"
    assert executor.world.find_cause(listing, {}, fault)
