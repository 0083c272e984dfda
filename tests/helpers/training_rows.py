"""Published rows as a release has them, and a tokenizer that is trained on them; made once per test session."""

from functools import cache
from typing import Any

import offline
import plain_toolkits

from funcdex_assets.export.closed_books import drop_acknowledgements
from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.token_rows import PublishedRow, train_tokenizer

BUNDLE = "gmail_googledrive"
PLAIN = next(iter(plain_toolkits.TOOLKITS))


def publish(messages: list[dict[str, Any]], **fields: Any) -> PublishedRow:
    return PublishedRow(
        **{"id": "row", "partition": "gmail", "messages": messages, "tools": [], "kind": "simple", **fields}
    )


@cache
def generated_rows() -> tuple[PublishedRow, ...]:
    """Conversations of all kinds with and without thoughts, commands of a plain toolkit with calls alone, own rows."""
    rows = []
    for partition, count, thoughts in ((BUNDLE, 16, False), (BUNDLE, 6, True), (PLAIN, 10, False)):
        for number, played in enumerate(offline.played(partition, count, thoughts)):
            conversation = played.conversation
            if conversation.failure is not None:
                continue
            row = PublishedRow(
                id=f"{conversation.conversation_id}{'t' if thoughts else ''}",
                partition=partition,
                messages=to_openai_messages(conversation.messages, "You are kind." if number % 3 else None),
                tools=to_openai_tools(list(played.cast.offered.values())),
                kind=played.cast.chain.kind,
                split="test" if number % 5 == 4 else "train",
            )
            rows.append(row)
            if partition == PLAIN:
                rows.append(publish(_drop_acknowledgements(row), id=f"{row.id}c", tools=row.tools, kind=row.kind))
    own = [
        {"role": "user", "content": "renew my loan"},
        {"role": "assistant", "content": "", "tool_calls": [call("renew", title="Dune")]},
        {"role": "user", "content": "and close the shop"},
        {"role": "assistant", "content": "", "tool_calls": [call("close"), call("lock", doors=[1, 2])]},
    ]
    return (*rows, publish(own, id="own_1", kind="own", weight=2.5))


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}


@cache
def encoder() -> ConversationEncoder:
    """Of a tokenizer that is trained on the rows, with 1,500 tokens and our template."""
    return ConversationEncoder(train_tokenizer(generated_rows(), 1500, "with_tools"))


def _drop_acknowledgements(row: PublishedRow) -> list[dict[str, Any]]:
    return drop_acknowledgements(
        DatasetRow(
            conversation_id=row.id,
            partition=row.partition,
            messages=row.messages,
            tools=row.tools,
            scenario_id="",
            cluster_id="",
            chain_id="",
            kind=row.kind,  # pyright: ignore
            held_out=False,
            clarity="good",
            calls=1,
            user_turns=1,
            split="train",
        )
    ).messages
