import pytest

from funcdex_assets.dedup.clusters import cluster_roots


@pytest.mark.parametrize(
    ("duplicate_of", "roots"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"a": None, "b": None}, {"a": "a", "b": "b"}, id="all originals"),
        pytest.param({"a": None, "b": "a", "c": "a"}, {"a": "a", "b": "a", "c": "a"}, id="a star"),
        pytest.param({"c": "b", "b": "a", "a": None}, {"c": "a", "b": "a", "a": "a"}, id="a chain"),
        pytest.param({"b": "gone"}, {"b": "gone"}, id="the original was replaced since"),
        pytest.param({"b": "a", "a": "b", "c": "b"}, {"a": "a", "b": "a", "c": "a"}, id="a circle with a tail"),
        pytest.param({"c": "b", "b": "a", "a": "b"}, {"a": "a", "b": "a", "c": "a"}, id="entered by the tail"),
        pytest.param({"a": "a"}, {"a": "a"}, id="of itself"),
    ],
)
def test_the_root_is_the_end_of_the_chain(duplicate_of, roots):
    assert cluster_roots(duplicate_of) == roots
    assert cluster_roots(dict(reversed(duplicate_of.items()))) == roots
