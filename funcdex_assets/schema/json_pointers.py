"""JSON pointers (RFC 6901) into values: reading, writing, and the walk over all scalars.

>>> at_pointer({"threads": [{"id": "t1"}]}, "/threads/0/id")
't1'
"""

from typing import Any


def escaped(name: str) -> str:
    """A property's name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(step: str) -> str:
    """The property's name that a step of a JSON pointer stands for."""
    return step.replace("~1", "/").replace("~0", "~")


def at_pointer(value: Any, pointer: str) -> Any:
    """The value at a JSON pointer in which `*` means the first array item; None when there is none."""
    for step in pointer.split("/")[1:]:
        step = unescaped(step)
        if isinstance(value, list):
            index = 0 if step == "*" else int(step) if step.isdigit() else len(value)
            value = value[index] if index < len(value) else None
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def put_pointer(target: dict[str, Any], pointer: str, value: Any) -> None:
    """Sets a value, making objects and arrays on the way: numeric steps and `*` address arrays."""
    steps = [unescaped(step) for step in pointer.split("/")[1:]]
    node: Any = target
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: Any = value if following is None else [] if following == "*" or following.isdigit() else {}
        if isinstance(node, list):
            index = 0 if step == "*" else int(step)
            while len(node) <= index:
                node.append(fresh)
            if following is None:
                node[index] = fresh
            node = node[index]
        elif following is None:
            node[step] = fresh
        else:
            node = node.setdefault(step, fresh)


def scalars(value: Any) -> list[tuple[str, Any]]:
    """Every scalar in a JSON value with its pointer; empty containers count as scalars."""
    if not (value and isinstance(value, dict | list)):
        return [("", value)]
    found: list[tuple[str, Any]] = []
    _collect(value, "", found)
    return found


def _collect(value: dict[str, Any] | list[Any], pointer: str, found: list[tuple[str, Any]]) -> None:
    for step, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(step, str) and ("/" in step or "~" in step):
            step = escaped(step)
        if part and isinstance(part, dict | list):
            _collect(part, f"{pointer}/{step}", found)
        else:
            found.append((f"{pointer}/{step}", part))
