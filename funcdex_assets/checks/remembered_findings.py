"""What was found in a conversation, kept for as long as the process runs: nothing is looked through twice.

The quota looks at every conversation before the stage that keeps the scores does. A conversation is known by its
content and by all that the rules see beside it, so that what is forgotten, or was never known, is found again.
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
    """`findings` of the rules, and the faults of who played the user."""

    findings: tuple[Finding, ...]
    of_user: tuple[Finding, ...]


def found_in(case: Case, plan: ConversationPlan) -> Found:
    try:
        key = _key(case, plan)
    except (ValueError, OverflowError):  # half a character, a number beyond 64 bits: no text to know it by
        return _look(case, plan)
    found = _found.get(key)
    if found is None:
        found = _look(case, plan)
        if len(_found) >= _MOST:
            _found.pop(next(iter(_found)), None)
        _found[key] = found
    return found


def _look(case: Case, plan: ConversationPlan) -> Found:
    return Found(find(case), faults_of_user(case, plan))


def _key(case: Case, plan: ConversationPlan) -> bytes:
    there = case.situation
    seen = (case.messages, case.provenance, plan, there.scenario, there.persona, case.calls_wanted, sorted(case.late))
    key = blake2b(_encode(seen), digest_size=32)
    for name, tool in case.tools.items():
        key.update(name.encode())
        key.update(_digest(tool))
    return key.digest()


def _digest(tool: Tool) -> bytes:
    known = _of_tools.get(id(tool))
    if known is None or known[0] is not tool:
        if len(_of_tools) >= _MOST:
            _of_tools.clear()
        known = _of_tools[id(tool)] = tool, blake2b(_encode(tool), digest_size=32).digest()
    return known[1]
