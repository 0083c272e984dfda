"""A cache of findings, kept for as long as the process runs, so that no conversation is checked twice.

Belongs here: the cache alone; the checks are in `findings.py` and `user_simulator.py`. It exists because the quota
checks every conversation before the stage that keeps the scores does. The key is the content of the conversation and
everything else that the rules see, so that a conversation which is not in the cache gets the same findings again.
"""

from hashlib import blake2b
from typing import NamedTuple

import msgspec

from funcdex_assets.checks.findings import find
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.user_behaviour import faults_of_user
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.tool import Tool

_MOST = 50_000  # conversations; most have no finding, and take 200 bytes
_encode = msgspec.json.Encoder().encode
_found: dict[bytes, "Found"] = {}
_of_tools: dict[int, tuple[Tool, bytes]] = {}  # by identity, for a tool is in many conversations


class Found(NamedTuple):
    """Findings of the rules about a conversation, and the faults of its user simulator."""

    findings: tuple[Finding, ...]
    of_user: tuple[Finding, ...]


def found_in(case: Case, plan: ConversationPlan) -> Found:
    """Returns the findings of a conversation from the cache, or computes and stores them."""
    try:
        key = _key(case, plan)
    except (ValueError, OverflowError):  # half a surrogate pair, a number beyond 64 bits: it has no JSON to digest
        return _look(case, plan)
    cached = _found.get(key)
    if cached is None:
        cached = _look(case, plan)
        if len(_found) >= _MOST:
            _found.pop(next(iter(_found)), None)
        _found[key] = cached
    return cached


def _look(case: Case, plan: ConversationPlan) -> Found:
    return Found(find(case), faults_of_user(case, plan))


def _key(case: Case, plan: ConversationPlan) -> bytes:
    """Digests everything that the rules see: messages, provenance, plan, situation and tools."""
    situation = case.situation
    visible_to_rules = (
        case.messages,
        case.provenance,
        plan,
        situation.scenario,
        situation.persona,
        case.calls_wanted,
        sorted(case.late),
    )
    key = blake2b(_encode(visible_to_rules), digest_size=32)
    for name, tool in case.tools.items():
        key.update(name.encode())
        key.update(_digest(tool))
    return key.digest()


def _digest(tool: Tool) -> bytes:
    """Digests a tool; kept by identity, for one tool is in many conversations."""
    cached = _of_tools.get(id(tool))
    if cached is None or cached[0] is not tool:
        if len(_of_tools) >= _MOST:
            _of_tools.clear()
        cached = _of_tools[id(tool)] = tool, blake2b(_encode(tool), digest_size=32).digest()
    return cached[1]
