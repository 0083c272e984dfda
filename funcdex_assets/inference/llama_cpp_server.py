"""Runs the llama.cpp server of the wheel `xllamacpp`: `python -m funcdex_assets.inference.llama_cpp_server`.

It is for machines without the program `llama-server`, and takes the flags that `servers.py` passes in the same
spelling; any further flag names a field of the wheel's CommonParams (`--n-gpu-layers 20`). The key that clients must
send, if any, is in LLAMA_API_KEY, as with `llama-server`.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import reduce
from importlib import import_module
from typing import Any

FLAGS = {
    "--model": "model.path",
    "--alias": "model_alias",
    "--host": "hostnames",
    "--ctx-size": "n_ctx",
    "--parallel": "n_parallel",
    "--threads": "cpuparams.n_threads",
}
"""The flags whose field has another name than the flag."""


def main(args: Sequence[str]) -> None:
    xllamacpp: Any = import_module("xllamacpp")  # optional, hence unknown to type checkers
    params = xllamacpp.CommonParams()
    for flag, text in _pair_flags_with_values(args):
        field = FLAGS.get(flag, flag.removeprefix("--").replace("-", "_"))
        owner, name = _find_field(params, field)
        if not flag.startswith("--") or not hasattr(owner, name):
            sys.exit(f"xllamacpp has no setting {flag!r}; install the program llama-server to use its flags")
        setattr(owner, name, _convert_to_type_of(getattr(owner, name), flag, text))
    if key := os.environ.get("LLAMA_API_KEY"):
        params.api_keys = [key]
    server = xllamacpp.Server(params)  # returns when the model is loaded; serves from threads of its own
    print(f"serving at {server.listening_address}", flush=True)
    signal.pause()


def _pair_flags_with_values(args: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(args) % 2:
        sys.exit(f"every flag of the llama.cpp server in xllamacpp takes one value; {args[-1]!r} has none")
    return zip(args[::2], args[1::2], strict=True)


def _find_field(params: object, field: str) -> tuple[object, str]:
    """Returns the object that has the field, and the field's own name, for a path such as `model.path`."""
    *parents, name = field.split(".")
    return reduce(getattr, parents, params), name


def _convert_to_type_of(default: object, flag: str, text: str) -> object:
    """Returns the text as a value of the type of the field's default."""
    try:
        match default:
            case bool():
                return {"true": True, "false": False}[text]
            case int() | float() | str():
                return type(default)(text)
            case list():
                return [text]
            case set():
                return {text}
    except (KeyError, ValueError):
        pass
    sys.exit(f"{flag} cannot be {text!r}; its value is like {default!r}")


if __name__ == "__main__":
    main(sys.argv[1:])
