"""What to do about the reasons for which fewer conversations were made than wanted.

Reasons are names of rules, kinds of failures of a model, and why a conversation was left out of a dataset. Add a
remedy here when a new reason has one of its own; the others are to be read in the rejected conversations.

>>> suggest_remedy("no plan was left")
'raise generation.oversample or generation.reserve, or add tools'
"""

_REMEDIES = {
    "no plan was left": "raise generation.oversample or generation.reserve, or add tools",
    "near_duplicate": "raise generation.oversample, or add tools, so that situations differ more",
    "shared_cluster": "raise generation.oversample, or lower generation.test_share",
    "held_out": "raise generation.reserve, or lower generation.test_share",
    "own_row": "raise generation.oversample, or take these rows out of the examples",
    "test_request": "raise generation.oversample, or lower generation.test_share",
    "contamination": "see contamination.jsonl in the release",
    "no dataset of the partition": "materialise the missing partitions, or take them out of funcdex.yaml",
    "fewer in a partition": "see the reasons of each partition in `funcdex releases list`, and make it again",
    "unanswered": "run again once the server answers: what was answered is not asked again",
    "unreadable": "see that the server honours JSON Schema constraints, or take a more capable model; run again",
    "refusal": "take a model that does not refuse, or change the workflow's words",
    "context": "give the model a longer context, or lower generation.max_calls",
    "cut": "raise generation.max_conversation_tokens",
}


def suggest_remedy(reason: str) -> str:
    """The remedy for the most frequent reason of a shortfall."""
    return _REMEDIES.get(reason, f"read what {reason!r} rejected: table rejected_conversations, or `funcdex analyze`")
