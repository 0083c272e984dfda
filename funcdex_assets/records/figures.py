"""Records of what is counted: figures of a quality report, and what answers of a model cost."""

from funcdex_assets.records.record import Record

GAPS_IN_DEFINITIONS = "definitions"
GAPS_IN_USE = "use"
"""Sections: what tool definitions leave out, and what of them no conversation used."""


class QualityFigure(Record, frozen=True, kw_only=True):
    """One figure of a quality report.

    A share has `part` and `whole`, and `value` is their quotient (0 where there is nothing to share). `item` tells
    the members of a distribution apart. `wanted` is what the settings ask for.
    """

    section: str
    figure: str
    item: str = ""
    value: float
    part: int | None = None
    whole: int | None = None
    wanted: float | None = None


class Spent(Record, frozen=True, kw_only=True):
    """The requests and tokens of a model in a role, counted when the answers were first paid, in this run or before."""

    role: str
    model: str
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
