"""Rows that begin alike share what they begin with, however their system prompts end."""

from funcdex_assets.records.training import TokenRow
from funcdex_assets.training.packing import pack_rows
from funcdex_assets.training.token_rows import share_prefixes


def build_row(number: int, prefix: tuple[int, ...], own: tuple[int, ...] = (90, 91)) -> TokenRow:
    return TokenRow(
        row_id=f"row_{number}",
        partition="house",
        split="train",
        kind="command",
        layout="with_tools",
        prefix_length=len(prefix),
        token_ids=prefix + own,
        weights=(0.0,) * len(prefix) + (1.0,) * len(own),
    )


def test_rows_share_what_they_all_begin_with() -> None:
    tools, others = (1, 2, 3, 4, 5, 6), (7, 8, 9, 10)
    rows = [
        build_row(0, (*tools, 20, 21)),
        build_row(1, (*others, 20)),
        build_row(2, (*tools, 20, 22)),
        build_row(3, (*tools, 30)),
        build_row(4, (*others, 40)),
    ]
    shared = share_prefixes(rows)
    assert [row.prefix_length for row in shared] == [6, 4, 6, 6, 4]
    assert [row.token_ids for row in shared] == [row.token_ids for row in rows]
    (pack,) = pack_rows(shared, 64)
    assert pack.length == 5 + 3 + sum(len(row.token_ids) for row in rows) - 3 * 5 - 2 * 3


def test_a_row_that_begins_like_no_other_keeps_its_prefix() -> None:
    assert [row.prefix_length for row in share_prefixes([build_row(0, (1, 2, 3)), build_row(1, (4, 5))])] == [3, 2]


def test_a_short_common_beginning_is_not_worth_sharing() -> None:
    rows = [build_row(0, (1, 2, 3, 4, 5)), build_row(1, (1, 6, 7, 8, 9))]
    assert [row.prefix_length for row in share_prefixes(rows)] == [5, 5]
