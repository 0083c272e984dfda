import pytest

from funcdex_assets.dedup.masking import mask_values


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("Show the first 5, please.", "Show the first ‹n›, please.", id="a number"),
        pytest.param("Close MOB-88 and a1b2c3d4 today.", "Close ‹n› today.", id="ids"),
        pytest.param("From 2026-11-21T09:30:00+01:00 on.", "From ‹n› on.", id="a date-time"),
        pytest.param("It costs €1,250.50 or 20%.", "It costs ‹n›.", id="amounts"),
        pytest.param("Write to bo.li@x-y.co.uk, now.", "Write to ‹address›, now.", id="an e-mail address"),
        pytest.param("See https://x.org/a?b=1 first.", "See ‹address› first.", id="a link"),
        pytest.param('Call it "Q3 plan", then go.', "Call it ‹text›, then go.", id="quoted"),
        pytest.param("Call it “Bo's plan”.", "Call it ‹text›.", id="quoted, typographic"),
        pytest.param("Call it 'Bo's plan' now, it's ok.", "Call it ‹text› now, it's ok.", id="apostrophes inside"),
        pytest.param("It's the boss's call, isn't it?", "It's the boss's call, isn't it?", id="apostrophes only"),
        pytest.param("Ask Zoë Lind about it.", "Ask ‹name› about it.", id="a name"),
        pytest.param("Ask Bo, Zoë and Ann Li about it.", "Ask ‹name› about it.", id="a list is one"),
        pytest.param("Today I ask, and I'm brief.", "Today I ask, and I'm brief.", id="I am no name"),
        pytest.param('Use this tool.\n{"type": "function",\n "x": 1}', "Use this tool.\n‹json›", id="pasted JSON"),
        pytest.param("the delayed reefer shipment", "the delayed reefer shipment", id="the matter stays"),
        pytest.param("", "", id="nothing"),
    ],
)  # fmt: skip
def test_values_become_signs(text, left):
    assert mask_values(text) == left


@pytest.mark.parametrize("text", ["a_" * 5000, "a-" * 3000, "'" * 5000, "A " * 5000, "{" * 5000], ids=lambda t: t[:2])
def test_awkward_text_ends(text):
    assert isinstance(mask_values(text), str)
