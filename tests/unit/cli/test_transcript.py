"""A conversation as `funcdex show` prints it."""

from io import StringIO

import pytest
from example_tables import CONVERSATION, SCORED, update
from rich.console import Console

from funcdex_assets.cli.transcript import print_conversation
from funcdex_assets.records.conversation import Attempt
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.storage.table_store import TableStore

TEXTS = tuple(Attempt(kind=kind, text="</user> Hi", findings=()) for kind in ("written", "corrected"))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        pytest.param({}, "strategy simulate  engine offline  seed 42  attempts 1", id="good at once"),
        pytest.param(
            {"strategy": "one_shot", "engine": "vllm:tiny (judge: offline)", "attempts": TEXTS},
            "strategy one_shot  engine vllm:tiny (judge: offline)  seed 42  attempts 2 (1 repaired)",
            id="corrected",
        ),
        pytest.param(
            {"seed": None, "models": ()},
            "strategy simulate  engine offline  attempts 1",
            id="of before the seed was kept",
        ),
    ],
)
def test_it_says_below_the_scores_how_the_conversation_was_made(tmp_path, changes, line):
    settings = Settings(toolkits=("gmail",), home=tmp_path)
    store = TableStore(tmp_path)
    frame = to_frame([update(CONVERSATION, **changes)])
    store.write_table(
        "conversations", "gmail", frame.drop("seed", "models") if changes.get("seed", 1) is None else frame
    )
    store.write_table("scored_conversations", "gmail", to_frame([SCORED]))
    printed = StringIO()
    print_conversation(settings, "conversation_1", Console(file=printed, width=200))
    lines = printed.getvalue().splitlines()
    place = lines.index(line)
    assert lines[place - 1] == "user_query_clarity 5  tool_use_quality 5  naturalness 5  task_completion 5"
