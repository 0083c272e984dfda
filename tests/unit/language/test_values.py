from random import Random

import pytest

from funcdex_assets.language import values


@pytest.mark.parametrize(
    ("example", "query"),
    [
        ("subject:'quarterly report' is:unread", "subject:'dragon skin'"),
        ("'invoice' newer_than:14d", "'dragon skin'"),
        ("name contains 'roadmap' and trashed = false", "name contains 'dragon skin'"),
        ('summary ~ "checkout" AND statusCategory != Done ORDER BY created', 'summary ~ "dragon skin"'),
        ("search: 'x y'", "search: 'dragon skin'"),
        ("roadmap", "dragon skin"),
    ],
)
def test_a_query_restricts_nothing_that_the_user_did_not_ask_for(example, query):
    assert values.render_query({"examples": [example]}, "dragon skin", Random(1)) == query
