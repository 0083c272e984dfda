"""Records of evaluation: the model that was asked, and the figures that came of it."""

from typing import Literal

from funcdex_assets.records.record import Record
from funcdex_assets.records.training import Layout

FigureGroup = Literal["all", "kind", "tool", "form", "source", "published"]
"""What a figure is about: all items, those of a kind or tool, or arguments of a form or source; `published` is the
difference to the published model.
"""
MEANS = ("prompt_tokens", "completion_tokens", "seconds", "cost_per_1000")
"""Metrics that are means per request, not shares."""
DIFFERENCE = "_difference"
"""Ends the name of a metric whose difference to the published model it is."""


class EvaluatedModel(Record, frozen=True, kw_only=True):
    """A model, endpoint or baseline, with all that its figures depend on beside the items.

    `asked` says how tools and calls are written: by the server's native tool calls, by markup in texts, by the chat
    template of a local model, or not at all; in the layout `without_tools` no definition is in the prompt. Prices are
    dollars per million tokens; `estimated_price` marks a price that nobody is billed by. `release` names the dataset
    that it was trained on, `partition` the partition whose model it is (empty for a general one).
    """

    name: str
    kind: Literal["endpoint", "local", "baseline"]
    asked: Literal["native", "markup", "template", "nothing"] = "nothing"
    layout: Layout = "with_tools"
    grammar: Literal["free", "calls", "calls_or_text"] = "free"
    reasoning_effort: str | None = None
    prompt_price: float | None = None
    completion_price: float | None = None
    estimated_price: bool = False
    release: str = ""
    partition: str = ""


class FunctionCallMatch(Record, frozen=True, kw_only=True):
    """One figure of one model: `value` with its 95 % interval, over `items` items.

    `group` and `member` say of which items (`tool`, `send_email`); the figures of all have no member, those of the
    group `published` name the model that this one is compared with. Tokens and
    seconds are means per request, cost is dollars per thousand requests, everything else a share between 0 and 1. A
    figure that nothing was there to be measured by is left out.
    """

    model: str
    metric: str
    group: FigureGroup = "all"
    member: str = ""
    value: float
    low: float
    high: float
    items: int
