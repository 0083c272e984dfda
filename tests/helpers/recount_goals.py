"""The seven figures with a goal, counted a second time from the files of a release, by code that shares nothing with
the product: plain loops over JSON.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression


def recount(release: Path) -> dict[str, float]:
    """The share of each figure, by its name in the report."""
    train, test = (
        [json.loads(line) for line in (release / f"{split}.jsonl").read_text().splitlines()]
        for split in ("train", "test")
    )
    rows = train + test
    return {
        **recount_calls(rows),
        "bag of words, single-call turns": recount_guesses(train, test),
        "test user turns in train, masked": recount_repeats(train, test),
        "precision of 'few tools' for a decline": recount_few_tools(rows),
        "most frequent turn verdict": recount_verdicts(rows),
    }


def recount_calls(rows: list[dict[str, Any]]) -> dict[str, float]:
    booleans, needing, copied = [], [], []
    for row in rows:
        for place, message in enumerate(row["messages"]):
            for call in message.get("tool_calls") or []:
                before = row["messages"][:place]
                told = "\n" + "\n".join(each["content"] for each in before if each["role"] == "user")
                said = "\n" + "\n".join(each["content"] for each in before if each["role"] in ("user", "tool"))
                arguments = call["function"]["arguments"]
                properties = definitions(row)[call["function"]["name"]]["parameters"].get("properties", {})
                for name, schema in properties.items():
                    if schema.get("type") == "boolean" or schema.get("type") == ["boolean", "null"]:
                        booleans.append(name in arguments)
                derived = False
                for value in scalars(arguments):
                    if isinstance(value, bool):
                        derived = True
                    elif isinstance(value, str):
                        if value.lower() not in said.lower():
                            derived = True
                        else:
                            quotes = [f'"{value}"', f"“{value}”", f"'{value}'", f'"{value}."', f'"{value},"']
                            copied.append(any(quote in told for quote in quotes))
                    elif not re.search(rf"(?<![\d.]){re.escape(str(value))}(?![\d])", said):
                        derived = True
                needing.append(derived)
    return {
        "boolean properties filled": float(np.mean(booleans)),
        "calls that need normalising or derivation": float(np.mean(needing)),
        "copied strings in quotes": float(np.mean(copied)),
    }


def recount_guesses(train: list[dict[str, Any]], test: list[dict[str, Any]]) -> float:
    known, asked = turns(train), [turn for turn in turns(test) if len(turn[1]) == 1]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    vectors: Any = vectorizer.fit_transform([text for text, _, _ in known])
    with_calls = [place for place, (_, called, _) in enumerate(known) if called]
    model = LogisticRegression(max_iter=300, C=20)
    model.fit(vectors[with_calls], [known[place][1][0] for place in with_calls])
    right = []
    for text, called, offered in asked:
        chances = model.predict_proba(vectorizer.transform([text]))[0]
        ranked = [model.classes_[place] for place in np.argsort(-chances)]
        right.append([name for name in ranked if name in offered][:1] == called)
    return float(np.mean(right))


def recount_repeats(train: list[dict[str, Any]], test: list[dict[str, Any]]) -> float:
    known = {text for text, _, _ in turns(train)}
    return float(np.mean([text in known for text, _, _ in turns(test)]))


def recount_few_tools(rows: list[dict[str, Any]]) -> float:
    by_kind = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(len(row["tools"]) <= 4)
    return sum(by_kind["no_suitable_tool"]) / sum(map(sum, by_kind.values()))


def recount_verdicts(rows: list[dict[str, Any]]) -> float:
    pairs = Counter((verdict["ok"], verdict["score"]) for row in rows for verdict in row["turn_verdicts"])
    return max(pairs.values()) / sum(pairs.values())


def turns(rows: list[dict[str, Any]]) -> list[tuple[str, list[str], set[str]]]:
    """Masked text, names of the called tools and of those on offer, of each user turn."""
    listed = []
    for row in rows:
        for message in row["messages"]:
            if message["role"] == "user":
                masked = re.sub(r'"[^"]*"', " QQ ", message["content"]).strip()
                listed.append((masked, [], set(definitions(row))))
            for call in message.get("tool_calls") or []:
                listed[-1][1].append(call["function"]["name"])
    return listed


def definitions(row: dict[str, Any]) -> dict[str, Any]:
    pasted = [
        json.loads(line)
        for message in row["messages"]
        if message["role"] == "user"
        for line in message["content"].split("\n")
        if line.startswith('{"type":"function"')
    ]
    return {tool["function"]["name"]: tool["function"] for tool in [*row["tools"], *pasted]}


def scalars(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [scalar for part in value.values() for scalar in scalars(part)]
    if isinstance(value, list):
        return [scalar for part in value for scalar in scalars(part)]
    return [value]
