"""JSON pointers (RFC 6901) into values: reading, writing, and the walk over all scalars.

>>> at_pointer({"threads": [{"id": "t1"}]}, "/threads/0/id")
't1'
"""

from typing import Any


def escape_step(name: str) -> str:
    """Escapes a property's name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def unescape_step(step: str) -> str:
    """Returns the property's name that a step of a JSON pointer stands for."""
    return step.replace("~1", "/").replace("~0", "~")


def at_pointer(value: Any, pointer: str) -> Any:
    """Returns the value at a JSON pointer in which `*` means the first array item; None if there is no value."""
    for step in pointer.split("/")[1:]:
        step = unescape_step(step)
        if isinstance(value, list):
            if step != "*" and not step.isdigit():
                return None
            index = 0 if step == "*" else int(step)
            value = value[index] if index < len(value) else None
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def put_pointer(target: dict[str, Any], pointer: str, value: Any) -> None:
    """Sets a value, making objects and arrays on the way: numeric steps and `*` address arrays."""
    steps = [unescape_step(step) for step in pointer.split("/")[1:]]
    node: Any = target
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: Any
        if following is None:
            fresh = value
        elif following == "*" or following.isdigit():
            fresh = []
        else:
            fresh = {}
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


def list_scalars(value: Any) -> list[tuple[str, Any]]:
    """Lists every scalar in a JSON value with its pointer; empty containers count as scalars."""
    if not (value and isinstance(value, dict | list)):
        return [("", value)]
    scalars: list[tuple[str, Any]] = []
    _collect_scalars(value, "", scalars)
    return scalars


def _collect_scalars(value: dict[str, Any] | list[Any], pointer: str, scalars: list[tuple[str, Any]]) -> None:
    for step, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(step, str) and ("/" in step or "~" in step):
            step = escape_step(step)
        if item and isinstance(item, dict | list):
            _collect_scalars(item, f"{pointer}/{step}", scalars)
        else:
            scalars.append((f"{pointer}/{step}", item))
