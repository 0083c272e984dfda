"""A cache of findings, kept for as long as the process runs, so that no conversation is checked twice.

Belongs here: the cache alone; the checks are in `findings.py` and `user_behaviour.py`. It exists because the quota
checks every conversation before the stage that keeps the scores does. The key is the content of the conversation and
everything else that the rules see, so that a conversation which is not in the cache gets the same findings again.
"""

from hashlib import blake2b
from typing import NamedTuple

import msgspec

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.user_behaviour import find_user_faults
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.tool import Tool

_MAX_ENTRIES = 50_000  # conversations; most have no finding, and take 200 bytes
_encode = msgspec.json.Encoder().encode
_findings_by_key: dict[bytes, "ConversationFindings"] = {}
_digests_by_tool: dict[int, tuple[Tool, bytes]] = {}  # by identity, for a tool is in many conversations


class ConversationFindings(NamedTuple):
    """Findings of the rules about a conversation, and the faults of its user simulator."""

    findings: tuple[Finding, ...]
    user_faults: tuple[Finding, ...]


def find_cached_findings(case: Case, plan: ConversationPlan) -> ConversationFindings:
    """Returns the findings of a conversation from the cache, or computes and stores them."""
    try:
        key = _compute_key(case, plan)
    except (ValueError, OverflowError):  # half a surrogate pair, a number beyond 64 bits: it has no JSON to digest
        return _compute_findings(case, plan)
    cached = _findings_by_key.get(key)
    if cached is None:
        cached = _compute_findings(case, plan)
        if len(_findings_by_key) >= _MAX_ENTRIES:
            _findings_by_key.pop(next(iter(_findings_by_key)), None)
        _findings_by_key[key] = cached
    return cached


def _compute_findings(case: Case, plan: ConversationPlan) -> ConversationFindings:
    return ConversationFindings(find_problems(case), find_user_faults(case, plan))


def _compute_key(case: Case, plan: ConversationPlan) -> bytes:
    """Digests everything that the rules see: messages, provenance, plan, situation and tools."""
    situation = case.situation
    visible_to_rules = (
        case.messages,
        case.provenance,
        plan,
        situation.scenario,
        situation.persona,
        case.calls_wanted,
        sorted(case.late_tools),
    )
    key = blake2b(_encode(visible_to_rules), digest_size=32)
    for name, tool in case.tools.items():
        key.update(name.encode())
        key.update(_digest_tool(tool))
    return key.digest()


def _digest_tool(tool: Tool) -> bytes:
    """Digests a tool; kept by identity, for one tool is in many conversations."""
    cached = _digests_by_tool.get(id(tool))
    if cached is None or cached[0] is not tool:
        if len(_digests_by_tool) >= _MAX_ENTRIES:
            _digests_by_tool.clear()
        cached = _digests_by_tool[id(tool)] = tool, blake2b(_encode(tool), digest_size=32).digest()
    return cached[1]
