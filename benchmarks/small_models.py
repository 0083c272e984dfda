"""Trains small models from scratch on variants of one release, and compares them on the same held-out requests.

    python benchmarks/small_models.py damage RELEASE --seconds 100 --seeds 3     10 % of the values wrong, or none
    python benchmarks/small_models.py curve RELEASE --seconds 100 --rows 100 300 1000 3000
    python benchmarks/small_models.py curve RELEASE … --test requests.jsonl --tools tools.json   on rows of others
    python benchmarks/small_models.py general RELEASE RELEASE …     a model each, and one of all with as many seconds

RELEASE is the folder of a dataset, best one of single requests (`generation.kinds: {single_turn: 1}` with
`publishing.closed_books: calls`). Definitions are not in the prompt, as in the third seed's own setting. All models of
a run have the same tokenizer, shape and budget of CPU seconds.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import torch

from funcdex_assets.evaluation.baselines import build_baseline
from funcdex_assets.evaluation.comparing import compare_models
from funcdex_assets.evaluation.foreign_rows import read_foreign_items, read_tool_file
from funcdex_assets.evaluation.items import read_published_items
from funcdex_assets.evaluation.metrics import EXACT_MATCH, ItemScore, score_items
from funcdex_assets.records.training import EvaluationItem
from funcdex_assets.settings.model_shape import ModelShape
from funcdex_assets.settings.training import Training
from funcdex_assets.training.local_predictor import LocalPredictor
from funcdex_assets.training.models import build_model
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.token_rows import PublishedRow, build_token_rows, read_published_rows, train_tokenizer
from funcdex_assets.training.trainer import Trainer

VOCABULARY, CONTEXT, PACK = 1024, 1024, 512
SHAPE = ModelShape(width=128)
"""Many small steps of a small model: in 60 CPU seconds half the held-out loss of 256 wide and 1,024 tokens a step."""
DAMAGED_SHARE = 0.1
MAX_TOKENS = 80


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["damage", "curve", "general"])
    parser.add_argument("releases", type=Path, nargs="+", metavar="RELEASE")
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 300, 1000, 3000])
    parser.add_argument("--test", type=Path, help="rows to measure on; by default the test split")
    parser.add_argument("--tools", type=Path, help="the tools of those rows")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.what == "general":
        measure_general(options.releases, options.seconds)
        return
    (release,) = options.releases
    if options.test:
        items, left_out = read_foreign_items(options.test, read_tool_file(options.tools) if options.tools else None)
    else:
        items, left_out = read_published_items(release / "test.jsonl")
    items = [item for item in items if item.calls]
    print(f"{len(items)} items in which calls are due, {len(left_out)} left out")
    workshop = Workshop(read_published_rows(release), items, options.seconds)
    (measure_damage if options.what == "damage" else measure_curve)(workshop, options)


def measure_general(releases: Sequence[Path], seconds: float) -> None:
    """Compares a model of each release with one of all, which gets the seconds of all together."""
    published = [read_published_rows(release) for release in releases]
    sets = [read_call_items(release / "test.jsonl") for release in releases]
    together = Workshop([row for rows in published for row in rows], [], seconds * len(releases))
    general = together.train_and_score_all(together.train_rows, 0, sets)
    for rows, items, scores in zip(published, sets, general, strict=True):
        workshop = Workshop(rows, items, seconds)
        own = workshop.train_and_score(workshop.train_rows, seed=0)
        print(f"{rows[0].partition}: of its own {describe(own)}; of all {describe(scores)}", flush=True)


def measure_damage(workshop: "Workshop", options: argparse.Namespace) -> None:
    """Compares models of the release with those of the same release with wrong values, seed by seed and together."""
    sound = workshop.train_rows
    scores: dict[str, list[ItemScore]] = {"sound": [], "damaged": []}
    for seed in range(options.seeds):
        for name, rows in (("sound", sound), ("damaged", damage_values(sound, DAMAGED_SHARE, Random(seed)))):
            measured = workshop.train_and_score(rows, seed)
            print(f"{name}, seed {seed}: {describe(measured)}", flush=True)
            scores[name] += [rename_item(score, seed) for score in measured]
    for comparison in compare_models(scores["sound"], scores["damaged"], ("sound", "damaged"), metrics=[EXACT_MATCH]):
        print(
            f"damaged against sound, {options.seeds} seeds together: {comparison.difference:+.3f} "
            f"[{comparison.low:+.3f}, {comparison.high:+.3f}], p = {comparison.p_value:.4f}"
        )
        print("the check says: " + ("significantly worse" if comparison.is_worse else "no worse"))
        if not comparison.is_worse:
            sys.exit("the damage was not seen")


def measure_curve(workshop: "Workshop", options: argparse.Namespace) -> None:
    """Measures models of ever more rows, beside the nearest neighbour in the same rows."""
    train = workshop.train_rows
    Random(0).shuffle(train)
    for count in options.rows:
        rows = train[:count]
        scores = workshop.train_and_score(rows, seed=0)
        print(
            f"{len(rows)} rows: {describe(scores)}, nearest neighbour {describe(workshop.score_neighbours(rows))}",
            flush=True,
        )


def read_call_items(file: Path) -> list[EvaluationItem]:
    """Reads the items of a release's file in which calls are due."""
    return [item for item in read_published_items(file)[0] if item.calls]


class Workshop:
    """Trains and scores; the tokenizer is that of the whole release."""

    def __init__(self, rows: Sequence[PublishedRow], items: Sequence[EvaluationItem], seconds: float) -> None:
        self.rows, self._items, self._seconds = rows, items, seconds
        self._tokenizer = train_tokenizer(rows, VOCABULARY, "without_tools")
        self._encoder = ConversationEncoder(self._tokenizer)

    @property
    def train_rows(self) -> list[PublishedRow]:
        return [row for row in self.rows if row.split == "train"]

    def train_and_score(self, rows: Sequence[PublishedRow], seed: int) -> list[ItemScore]:
        (scores,) = self.train_and_score_all(rows, seed, [self._items])
        return scores

    def train_and_score_all(
        self, rows: Sequence[PublishedRow], seed: int, sets: Sequence[Sequence[EvaluationItem]]
    ) -> list[list[ItemScore]]:
        """Trains one model, and scores it on several sets of items."""
        settings = Training(
            layout="without_tools",
            context=CONTEXT,
            model=SHAPE,
            pack_tokens=PACK,
            epochs=None,
            max_cpu_seconds=self._seconds,
            eval_rows=20,
            eval_interval=10_000,
            sample_rows=0,
            checkpoint_interval=100_000,
        )
        test = [row for row in self.rows if row.split == "test"]
        tokens = build_token_rows([*rows, *test], self._encoder, "without_tools", CONTEXT).rows
        model = build_model(settings.model, self._tokenizer, CONTEXT, seed)
        with TemporaryDirectory() as work:
            trainer = Trainer(
                model, self._tokenizer, tokens, settings, Path(work), identity="", seed=seed, is_pretrained=False
            )
            trainer.train(lambda _: None)
        model.eval()
        predictor = LocalPredictor(model, self._tokenizer, "small", layout="without_tools", max_tokens=MAX_TOKENS)
        return [score_items(items, predictor.predict(items)) for items in sets]

    def score_neighbours(self, rows: Sequence[PublishedRow]) -> list[ItemScore]:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "train.jsonl"
            file.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
            items, _ = read_published_items(file)
        return score_items(self._items, build_baseline("nearest", items).predict(self._items))


def damage_values(rows: Sequence[PublishedRow], share: float, random: Random) -> list[PublishedRow]:
    """Gives a share of all arguments the value that another row's call of the same tool has there."""
    values: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        for name, argument, value in _list_arguments(row):
            values.setdefault((name, argument), []).append(value)

    def damage(row: PublishedRow) -> PublishedRow:
        messages = deepcopy(row.messages)
        for message in messages:
            for call in message.get("tool_calls") or ():
                function = call["function"]
                for argument, value in function["arguments"].items():
                    others = [other for other in values[function["name"], argument] if other != value]
                    if others and random.random() < share:
                        function["arguments"][argument] = random.choice(others)
        return msgspec.structs.replace(row, messages=messages)

    return [damage(row) for row in rows]


def _list_arguments(row: PublishedRow) -> list[tuple[str, str, Any]]:
    return [
        (call["function"]["name"], argument, value)
        for message in row.messages
        for call in message.get("tool_calls") or ()
        for argument, value in call["function"]["arguments"].items()
    ]


def rename_item(score: ItemScore, seed: int) -> ItemScore:
    """Gives the score of an item a name of its own for each seed, and leaves it in its conversation."""
    item = msgspec.structs.replace(score.item, item_id=f"{score.item.item_id}, seed {seed}")
    prediction = msgspec.structs.replace(score.prediction, item_id=item.item_id)
    return dataclasses.replace(score, item=item, prediction=prediction)


def describe(scores: Sequence[ItemScore]) -> str:
    """Describes the share of exact matches, and its standard error over items."""
    matches = np.array([score.counts[EXACT_MATCH][0] for score in scores])
    names = np.array([score.counts["name_match"][0] for score in scores])
    return f"full match {matches.mean():.3f} ± {matches.std() / len(matches) ** 0.5:.3f}, name {names.mean():.3f}"


if __name__ == "__main__":
    main(sys.argv[1:])
