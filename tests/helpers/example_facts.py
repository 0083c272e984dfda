"""What an example row says of itself: the scores that it got, and how its conversation was made."""

from typing import Any

from funcdex_assets.records.conversation import RoleModel

MODELS = (
    RoleModel(role="scenario_writer", model="offline"),
    RoleModel(role="assistant", model="tiny"),
    RoleModel(role="judge", model="offline"),
)
FACTS: dict[str, Any] = {
    "user_query_clarity": 5,
    "tool_use_quality": 5,
    "naturalness": 4,
    "task_completion": 5,
    "overall": 4.8,
    "judge": "offline",
    "judge_reasoning": "All is well.",
    "seed": 42,
    "pattern": "sequential",
    "toolkits": ("gmail", "googledrive"),
    "strategy": "simulate",
    "engine": "offline (assistant: vllm:tiny)",
    "models": MODELS,
    "attempts": 1,
    "repairs": 0,
}
