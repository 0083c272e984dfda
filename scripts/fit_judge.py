"""Fits the prices of the heuristic judge to readings, measures it on others, and writes docs/judging.md.

    python scripts/fit_judge.py            # prices.json, docs/judging.md and its picture
    python scripts/fit_judge.py --check    # writes nothing; fails if the prices are not those that the readings give

A price is what one more of a feature takes off a scale. Prices are never negative, and small if few readings speak for
them: ridge regression under that bound, by projected gradients. Agreement is measured by leaving one conversation out.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "unit" / "judging"))

from good_conversations import build_case, load_rows  # noqa: E402  # pyright: ignore[reportMissingImports]

from funcdex_assets.checks.findings import find_problems  # noqa: E402
from funcdex_assets.checks.rules.case import Case  # noqa: E402
from funcdex_assets.judging.features import FEATURES, measure_features  # noqa: E402
from funcdex_assets.judging.heuristic import predict_scores  # noqa: E402
from funcdex_assets.judging.published_rows import read_case  # noqa: E402
from funcdex_assets.judging.selection import list_low_scores  # noqa: E402
from funcdex_assets.records.verdict import SCALES  # noqa: E402
from funcdex_assets.settings.judging import MinScores  # noqa: E402

SETS = ("first", "second", "third")
READINGS = ROOT / "benchmarks" / "readings"
PRICES = ROOT / "funcdex_assets" / "judging" / "prices.json"
PAGE = ROOT / "docs" / "judging.md"
PICTURE = ROOT / "docs" / "images" / "judge_calibration.png"
FEATURES_OF_SCALE: Mapping[str, Sequence[str]] = {
    "user_query_clarity": "asked verbatim question delay form topic choice field_lists value".split(),
    "tool_use_quality": (
        "wrong contradiction cause choice question answer count claim policy delay value detail"
    ).split(),
    "naturalness": "verbatim no_calls form topic manner filler in_quotes field_lists question detail".split(),
    "task_completion": "wrong contradiction cause choice question answer count claim policy detail value".split(),
}
POINTS_OF_GRADE = {"A": 5.0, "B": 4.0, "C": 2.0}
RIDGE = 2.0
STEPS = 1500
RESAMPLES = 2000
COLOURS = ("tab:orange", "tab:blue", "tab:purple", "tab:green")


class Reading(NamedTuple):
    """A conversation with what readers said of it.

    `scores` are their means by scale (NaN: nobody scored it), `agreed` is C, not C, split or good, `pair` has what each
    of the two readers said; `rules` are those that block it.
    """

    where: str
    identity: str
    agreed: str
    features: Mapping[str, float]
    scores: Mapping[str, float]
    pair: tuple[Mapping[str, Any], Mapping[str, Any]]
    rules: tuple[str, ...]


def load_readings() -> list[Reading]:
    """Loads all readings: the sets of graded conversations, and those written as they should be."""
    readings = [reading for name in SETS for reading in _load_graded(name)]
    for row in load_rows():
        readings.append(
            _build_reading("good", row["id"], "good", build_case(row), dict.fromkeys(SCALES, 5.0), ({}, {}))
        )
    return readings


def _load_graded(name: str) -> Iterator[Reading]:
    for line in (READINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        told = {key: entry[key] for key in ("scenario", "persona") if key in entry}
        case = read_case({**entry["row"], **told})
        pair = (entry["first"], entry["second"])
        yield _build_reading(name, entry["id"], entry["agreed"], case, _read_scores(entry), pair)


def _read_scores(entry: Mapping[str, Any]) -> dict[str, float]:
    """The mean of both readers on each scale. The first set has grades instead: they stand for tool use and completion,
    and how made up it looks for naturalness.
    """
    first, second = entry["first"], entry["second"]
    if "tool_use_quality" in first:
        return {scale: (first[scale] + second[scale]) / 2 for scale in SCALES}
    grade = (POINTS_OF_GRADE[first["grade"]] + POINTS_OF_GRADE[second["grade"]]) / 2
    return {
        "user_query_clarity": float("nan"),
        "tool_use_quality": grade,
        "naturalness": 6.0 - second["looks_synthetic"],
        "task_completion": grade,
    }


def _build_reading(
    where: str,
    identity: str,
    agreed: str,
    case: Case,
    scores: Mapping[str, float],
    pair: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Reading:
    findings = find_problems(case)
    rules = tuple(dict.fromkeys(finding.rule for finding in findings if finding.blocking))
    return Reading(where, identity, agreed, measure_features(case.messages, findings), scores, pair, rules)


def fit_prices(readings: Sequence[Reading]) -> dict[str, dict[str, float]]:
    """Fits the price of each feature on each scale; in hundredths of a point, without those that are nothing."""
    prices = {}
    for scale, names in FEATURES_OF_SCALE.items():
        scored = [reading for reading in readings if not np.isnan(reading.scores[scale])]
        counts = np.array([[reading.features[name] for name in names] for reading in scored])
        lost = np.array([5 - reading.scores[scale] for reading in scored])
        fitted = _solve_bounded_ridge(counts, lost)
        prices[scale] = {
            name: round(float(price), 2) for name, price in zip(names, fitted, strict=True) if price >= 0.005
        }
    return prices


def _solve_bounded_ridge(counts: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Returns the weights w ≥ 0 that minimise |counts · w - lost|² + RIDGE · |w|²."""
    weights = np.zeros(counts.shape[1])
    step = 1 / (np.linalg.norm(counts.T @ counts, 2) + RIDGE)
    for _ in range(STEPS):
        gradient = counts.T @ (counts @ weights - lost) + RIDGE * weights
        weights = np.maximum(0, weights - step * gradient)
    return weights


def predict_left_out(readings: Sequence[Reading]) -> list[dict[str, float]]:
    """Predicts the scores of each reading by prices that were fitted without it."""
    return [
        predict_scores(reading.features, fit_prices([other for at, other in enumerate(readings) if at != number]))
        for number, reading in enumerate(readings)
    ]


def compute_area(bad: Sequence[float] | np.ndarray, good: Sequence[float] | np.ndarray) -> float:
    """The probability that a bad one gets a lower value than a good one (area under the ROC curve)."""
    return float(np.mean([(low < high) + 0.5 * (low == high) for low in bad for high in good]))


def resample_area(bad: Sequence[float], good: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the area, by drawing the conversations anew."""
    rng = np.random.default_rng(1)
    areas = [compute_area(rng.choice(bad, len(bad)), rng.choice(good, len(good))) for _ in range(RESAMPLES)]
    return float(np.quantile(areas, 0.025)), float(np.quantile(areas, 0.975))


def is_rejected(reading: Reading, scores: Mapping[str, float]) -> bool:
    """True if a finding blocks the conversation or a rounded score is too low."""
    rounded = {scale: round(scores[scale]) for scale in SCALES}
    return bool(reading.rules or list_low_scores(rounded, MinScores().model_dump()))


def describe_decisions(readings: Sequence[Reading], left_out: Sequence[Mapping[str, float]]) -> Iterator[str]:
    """Yields the table of decisions: how many bad ones are rejected, how many others kept, and the area."""
    yield "| set | agreed C, rejected | agreed not C, kept | split, rejected | area under the curve, left out (95 %) |"
    yield "|---|---|---|---|---|"
    for where in dict.fromkeys(reading.where for reading in readings if reading.where != "good"):
        pairs = [
            (reading, scores) for reading, scores in zip(readings, left_out, strict=True) if reading.where == where
        ]
        cells, worth = [], {}
        for agreed, wanted in (("C", True), ("not C", False), ("split", True)):
            group = [(reading, scores) for reading, scores in pairs if reading.agreed == agreed]
            right = sum(is_rejected(reading, scores) is wanted for reading, scores in group)
            cells.append(f"{right} of {len(group)}")
            worth[agreed] = [scores["tool_use_quality"] + scores["task_completion"] for _, scores in group]
        low, high = resample_area(worth["C"], worth["not C"])
        area = compute_area(worth["C"], worth["not C"])
        yield f"| {where} | {' | '.join(cells)} | {area:.3f} [{low:.2f}, {high:.2f}] |"
    good = [reading for reading in readings if reading.where == "good"]
    kept = sum(not reading.rules for reading in good)
    yield f"| as they should be | – | {kept} of {len(good)} | – | – |"


def describe_agreement(readings: Sequence[Reading], left_out: Sequence[Mapping[str, float]]) -> Iterator[str]:
    """Yields the table of the scores: judge against the mean of the readers, and the readers against each other."""
    yield "| set | scale | mean error | at most 1 apart | correlation | readers: difference | readers: correlation |"
    yield "|---|---|---|---|---|---|---|"
    for where in dict.fromkeys(reading.where for reading in readings if "tool_use_quality" in reading.pair[0]):
        pairs = [
            (reading, scores) for reading, scores in zip(readings, left_out, strict=True) if reading.where == where
        ]
        for scale in SCALES:
            judged = np.array([scores[scale] for _, scores in pairs])
            read = np.array([reading.scores[scale] for reading, _ in pairs])
            each = np.array([[one[scale] for one in reading.pair] for reading, _ in pairs], float)
            apart = np.abs(np.round(judged) - read)
            yield (
                f"| {where} | {scale} | {np.abs(judged - read).mean():.2f} | {np.mean(apart <= 1):.0%} | "
                f"{np.corrcoef(judged, read)[0, 1]:.2f} | {np.abs(each[:, 0] - each[:, 1]).mean():.2f} | "
                f"{np.corrcoef(each.T)[0, 1]:.2f} |"
            )


def describe_prices(prices: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yields the table of prices."""
    yield f"| feature | {' | '.join(SCALES)} |"
    yield "|---" * (1 + len(SCALES)) + "|"
    for feature in FEATURES:
        costs = [prices[scale].get(feature) for scale in SCALES]
        if any(costs):
            yield f"| {feature} | {' | '.join('–' if cost is None else f'{cost:.2f}' for cost in costs)} |"


def describe_split(readings: Sequence[Reading]) -> Iterator[str]:
    """Yields what the second reader named, and what the rules find, where the readers of the first set disagree."""
    yield "| conversation | second reading | kinds that it named | rules that block |"
    yield "|---|---|---|---|"
    for reading in readings:
        if reading.where == "first" and reading.agreed == "split":
            second = reading.pair[1]
            yield (
                f"| {reading.identity.removeprefix('conversation_')} | {second['grade']} | "
                f"{', '.join(second['kinds'])} | {', '.join(reading.rules) or '–'} |"
            )


def draw_calibration(readings: Sequence[Reading], left_out: Sequence[Mapping[str, float]]) -> None:
    """Draws, for each scale, what readers gave to conversations of which the judge predicted so much, left out."""
    figure, axes = plt.subplots(1, len(SCALES), figsize=(13, 3.4), sharex=True, sharey=True)
    rng = np.random.default_rng(1)
    for axis, scale in zip(axes, SCALES, strict=True):
        pairs = [
            (scores[scale], reading.scores[scale], reading.where)
            for reading, scores in zip(readings, left_out, strict=True)
            if not np.isnan(reading.scores[scale])
        ]
        axis.plot([1, 5], [1, 5], color="0.8", linewidth=1)
        for where, colour in zip((*SETS, "good"), COLOURS, strict=True):
            points = np.array([(judged, read) for judged, read, group in pairs if group == where])
            if len(points):
                axis.scatter(
                    points[:, 0],
                    points[:, 1] + rng.uniform(-0.08, 0.08, len(points)),
                    s=9,
                    alpha=0.6,
                    c=colour,
                    label=where,
                )
        for low in np.arange(1, 5, 0.5):
            inside = [read for judged, read, _ in pairs if low <= judged < low + 0.5 or (low == 4.5 and judged == 5)]
            if len(inside) >= 4:
                axis.plot(low + 0.25, np.mean(inside), "k_", markersize=13, markeredgewidth=2)
        axis.set_title(scale.replace("_", " "), fontsize=9)
        axis.set_xlabel("judge, left out", fontsize=8)
    axes[0].set_ylabel("readers, mean", fontsize=8)
    axes[1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the prices are not up to date")
    arguments = parser.parse_args()
    readings = load_readings()
    prices = fit_prices(readings)
    if arguments.check:
        stored = json.loads(PRICES.read_text(encoding="utf-8"))
        sys.exit(0 if stored == prices else f"{PRICES.name} is not what the readings give; run scripts/fit_judge.py")
    PRICES.write_text(json.dumps(prices, indent=1) + "\n", encoding="utf-8")
    left_out = predict_left_out(readings)
    draw_calibration(readings, left_out)
    parts = {
        "decisions": describe_decisions(readings, left_out),
        "agreement": describe_agreement(readings, left_out),
        "prices": describe_prices(prices),
        "split": describe_split(readings),
    }
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in parts.items():
        block = "\n".join(lines)
        print(f"{name}\n{block}\n")
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        page = re.sub(pattern, lambda match, text=block: f"{match[1]}{text}\n{match[2]}", page, flags=re.DOTALL)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
