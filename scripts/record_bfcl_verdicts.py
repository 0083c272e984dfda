"""Records what the public BFCL checker says to the cases of tests/data/bfcl_cases.json.

    pip install --no-deps --target FOLDER bfcl-eval
    python scripts/record_bfcl_verdicts.py FOLDER

The checker itself needs nothing but the standard library; `bfcl-eval` pins numpy 1.26.4 and dozens of clients, which
its table of models imports. That table alone is stood in for: a model writes `math_add` for `math.add`, as those do
whose API takes no dots. An `irrelevance` case is right without calls, as its runner decides.

Cases are written for this project. Each has `functions` and `ground_truth` as BFCL writes them, and the calls of a
model; where this project's verdict differs, `difference` says why.
"""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

CASES = Path(__file__).parents[1] / "tests" / "data" / "bfcl_cases.json"
_MODEL = "any"


def load_checker(folder: Path) -> Any:
    """Loads the checker's module from the folder that `bfcl-eval` was installed in."""
    if not (folder / "bfcl_eval").is_dir():
        sys.exit(f"{folder} has no bfcl_eval; run pip install --no-deps --target {folder} bfcl-eval")
    sys.path.insert(0, str(folder))
    table = ModuleType("bfcl_eval.constants.model_config")
    vars(table)["MODEL_CONFIG_MAPPING"] = {_MODEL: SimpleNamespace(underscore_to_dot=True)}
    sys.modules[table.__name__] = table
    from importlib import import_module

    return import_module("bfcl_eval.eval_checker.ast_eval.ast_checker"), import_module("bfcl_eval.constants.enums")


def judge_case(case: dict[str, Any], checker: Any, enums: Any) -> bool:
    """Returns the checker's verdict on a case."""
    calls = [{call["name"]: call["arguments"]} for call in case["calls"]]
    if case["category"] == "irrelevance":
        return not calls
    try:
        verdict = checker.ast_checker(
            case["functions"], calls, case["ground_truth"], enums.Language.PYTHON, case["category"], _MODEL
        )
    except Exception as error:
        sys.exit(f"{case['id']}: the checker fails: {error!r}; write a case that it can judge")
    return bool(verdict["valid"])


def main(folder: Path) -> None:
    """Writes the verdicts into the file of cases, and prints how many changed."""
    checker, enums = load_checker(folder)
    document = json.loads(CASES.read_text(encoding="utf-8"))
    changed = 0
    for case in document["cases"]:
        verdict = judge_case(
            {**case, "functions": [document["functions"][name] for name in case["functions"]]}, checker, enums
        )
        changed += case.get("bfcl") != verdict
        case["bfcl"] = verdict
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in document["cases"])
    functions = json.dumps(document["functions"], ensure_ascii=False, indent=1)
    CASES.write_text(f'{{"functions": {functions},\n"cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(document['cases'])} cases, {changed} verdicts changed")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
