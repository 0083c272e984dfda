'''Python functions, by what their signatures, type hints and docstrings say.

Here belongs how a callable is described; how a hint becomes a JSON Schema is pydantic's business. To read a module is
to import it: **its code runs**, with all that it does at import. Read only what you would run.

>>> def add_task(title: str, priority: int = 3) -> dict[str, str]:
...     """Adds a task.
...
...     Args:
...         title: What is to be done.
...     """
>>> [draft.parameters["properties"]["title"] for draft in read_functions([add_task])]
[{'type': 'string', 'description': 'What is to be done.'}]
'''

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial, reduce
from operator import or_
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints, is_typeddict

import typing_extensions

from funcdex_assets.catalog.drafts import Draft, Found, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.examples import schema_of
from funcdex_assets.catalog.loose_schema import arguments, mended, plain, typed

_EMPTY = inspect.Parameter.empty
_SECTION = re.compile(
    r"(args|arguments|parameters|params|keyword args|keyword arguments|other parameters|returns?|yields?|raises|"
    r"examples?|notes?|warnings?|see also|references|attributes|todo)\s*:?",
    re.IGNORECASE,
)
_OF_PARAMETERS = ("arg", "param", "keyword arg", "other param")
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\(([^)]*)\))?\s*:\s*(.*)")
_NUMPY = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::\s*(.*))?")
_REST = re.compile(r":(?:param|parameter|arg|argument|key|keyword)\s+(?:([^:]*?)\s+)?\*{0,2}(\w+)\s*:\s*(.*)")
_REST_TYPE = re.compile(r":type\s+(\w+)\s*:\s*(.*)")


def read_functions(functions: Iterable[Callable[..., Any]]) -> Found:
    """A tool for each function. What of one cannot be described is left out if a call can do without it."""
    for function in functions:
        place = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function)[:60])}"
        try:
            yield from _drafted(function, place)
        except (TypeError, ValueError, NameError, AttributeError, SyntaxError, RecursionError) as error:
            yield Problem(place, f"its signature cannot be read: {type(error).__name__}: {str(error)[:200]}")


def read_module(spec: str) -> Found:
    """The public functions that a module defines: `package.module`, `file.py`, or either with `:function`.

    `__all__` says which are public where there is one. The module is imported, so its code runs.

    Raises:
        CatalogError: it cannot be imported, or has no such function.
    """
    place, _, wanted = spec.partition(":") if spec.count(":") == 1 else (spec, "", "")
    module = _imported(place)
    if wanted:
        function = getattr(module, wanted, None)
        if not callable(function):
            raise CatalogError(f"{place} has no function {wanted!r}; it has {', '.join(_public(module)) or 'none'}")
        return read_functions([function])
    functions = [getattr(module, name) for name in _public(module)]
    if not functions:
        raise CatalogError(f"{place} defines no public function; name one: {place}:function")
    return read_functions(functions)


class Docstring(NamedTuple):
    """`parameters` has the description of each, `types` the word that stands for its type, where there is one."""

    summary: str
    parameters: Mapping[str, str]
    types: Mapping[str, str]


def docstring(text: str) -> Docstring:
    r"""Of Google's, NumPy's or reST's style: told by its sections.

    >>> docstring("Adds.\n\n:param int n: How many.\n:returns: The sum.")
    Docstring(summary='Adds.', parameters={'n': 'How many.'}, types={'n': 'int'})
    """
    summary: list[str] = []
    parameters: dict[str, list[str]] = {}
    types: dict[str, str] = {}
    lines = inspect.cleandoc(text).splitlines()[:2000]
    section, current, numpy = "", "", False
    depth: int | None = None
    for index, line in enumerate(lines):
        stripped, indent = line.strip()[:2000], len(line) - len(line.lstrip())
        if (section or index) and set(stripped) == {"-"} and lines[index - 1].strip().lower() == section:
            numpy = True
        elif _begins_section(lines, index):
            section, current, depth, numpy = stripped.rstrip(":").strip().lower(), "", None, False
        elif stripped.startswith(":") and (found := _REST.match(stripped)):
            section, current = ":param", found[2]
            parameters[current] = [found[3]]
            types |= {current: found[1]} if found[1] else {}
        elif stripped.startswith(":") and ":" in stripped[1:]:
            section, current = ":", ""
            types |= {found[1]: found[2]} if (found := _REST_TYPE.match(stripped)) else {}
        elif not section:
            summary.append(stripped)
        elif section == ":param":
            if current and stripped:
                parameters[current].append(stripped)
        elif section.startswith(_OF_PARAMETERS) and stripped:
            depth = indent if depth is None else depth
            found = (_NUMPY if numpy else _GOOGLE).fullmatch(stripped) if indent <= depth else None
            if found and not (numpy and indent):
                for current in re.split(r"\s*,\s*", found[1]):
                    parameters[current] = [] if numpy else [found[3]]
                    types |= {current: found[2]} if found[2] else {}
            elif current:
                parameters[current].append(stripped)
    return Docstring(
        plain(" ".join(summary)), {name: plain(" ".join(text)) for name, text in parameters.items()}, types
    )


def _begins_section(lines: list[str], index: int) -> bool:
    """Google ends the title with a colon, NumPy underlines it."""
    title = lines[index].strip()
    if lines[index][:1].isspace() or not _SECTION.fullmatch(title):
        return False
    return title.endswith(":") or (index + 1 < len(lines) and set(lines[index + 1].strip()) == {"-"})


def _drafted(function: Callable[..., Any], place: str) -> Found:
    from pydantic import TypeAdapter

    signature = inspect.signature(function)
    source = _hinted(function)
    hints = get_type_hints(source, include_extras=True)
    told = docstring(inspect.getdoc(source if isinstance(function, partial) else function) or "")
    inputs: list[tuple[str, Any, Any]] = []
    plainly: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    left_out: list[str] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            left_out.append(f"{stars}{name} is left out: what it takes has no names")
            continue
        if name not in hints:
            plainly[name] = _unhinted(told.types.get(name), parameter.default)
        elif problem := _indescribable(adapter := _adapter(hints[name]), "validation"):
            if parameter.default is _EMPTY:
                yield Problem(place, f"its argument {name!r} cannot be described: {problem}")
                return
            left_out.append(f"its argument {name!r} is left out: {problem}")
            continue
        else:
            inputs.append((name, "validation", adapter))
        required += [name] if parameter.default is _EMPTY else []
    schemas, shared = TypeAdapter.json_schemas(inputs, ref_template="#/$defs/{model}")
    described = {name: schema for (name, _), schema in schemas.items()} | plainly
    properties = {name: described[name] for name in signature.parameters if name in described}
    for name, schema in properties.items():
        properties[name] = schema | _annotations(schema, told.parameters.get(name), signature.parameters[name].default)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    parameters, unread = arguments({**schema, "$defs": shared.get("$defs", {})})
    returns, unreturned = _returns(_EMPTY if inspect.isclass(function) else hints.get("return", _EMPTY))
    named = source if isinstance(function, partial) else function
    name = getattr(named, "__name__", type(function).__name__)
    yield Draft(place, name, told.summary, parameters, returns)
    for reason in [*left_out, *(f"{part} is left out" for part in unread), *unreturned]:
        yield Problem(place, reason, lost=False)


def _hinted(function: Callable[..., Any]) -> Any:
    """What carries the hints: a partial has those of its function, an object those of its `__call__`."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isclass(function):
        return function.__init__
    return function if inspect.isroutine(function) else function.__call__


def _adapter(hint: Any) -> Any:
    """Pydantic's view of a hint, or the reason why it has none."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(_with_known_dicts(hint))
    except (PydanticUserError, TypeError, NameError, RecursionError) as error:
        return str(error).split("\n", 1)[0][:200]


def _with_known_dicts(hint: Any) -> Any:
    """Before Python 3.12 pydantic takes only the TypedDict of typing_extensions, and people use that of typing."""
    if sys.version_info >= (3, 12):
        return hint
    if is_typeddict(hint):
        fields = {
            name: typing_extensions.Required[part]
            if name in hint.__required_keys__
            else typing_extensions.NotRequired[part]
            for name, part in ((name, _with_known_dicts(part)) for name, part in get_type_hints(hint).items())
        }
        return typing_extensions.TypedDict(hint.__name__, fields)  # type: ignore[operator]
    origin, parts = get_origin(hint), get_args(hint)
    changed = tuple(_with_known_dicts(part) if isinstance(part, type) or get_args(part) else part for part in parts)
    if all(old is new for old, new in zip(parts, changed, strict=True)):
        return hint
    if origin in (Union, UnionType):
        return reduce(or_, changed)
    return Annotated[changed] if origin is Annotated else origin[changed]


def _indescribable(adapter: Any, mode: Any) -> str:
    from pydantic.errors import PydanticUserError

    if isinstance(adapter, str):
        return adapter
    try:
        adapter.json_schema(mode=mode)
    except (PydanticUserError, TypeError, ValueError, RecursionError) as error:
        return str(error).splitlines()[0][:200]
    return ""


def _unhinted(word: str | None, default: Any) -> dict[str, Any]:
    schema = typed(word)
    if schema is not None or default is _EMPTY or default is None:
        return schema or {}
    return schema_of([default]) if isinstance(default, bool | int | float | str | list | dict) else {}


def _annotations(schema: Mapping[str, Any], description: str | None, default: Any) -> dict[str, Any]:
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    added: dict[str, Any] = {"description": description} if description and "description" not in schema else {}
    takes_none = any(part == {"type": "null"} for part in (schema, *schema.get("anyOf", ())))
    if default is not _EMPTY and (default is not None or takes_none):
        with suppress(
            PydanticSerializationError, ValueError, RecursionError
        ):  # such as a sentinel of the function's own
            added["default"] = to_jsonable_python(default)
    return added


def _returns(hint: Any) -> tuple[Any, list[str]]:
    if hint in (_EMPTY, Any):
        return None, []
    if hint in (None, NoneType):
        return {"type": "null"}, []
    adapter = _adapter(hint)
    if problem := _indescribable(adapter, "serialization"):
        return None, [f"its result is left out: {problem}"]
    return mended(adapter.json_schema(mode="serialization", ref_template="#/$defs/{model}")).schema or None, []


def _public(module: ModuleType) -> list[str]:
    """Functions in the order in which they are defined; what is imported is none of them, unless `__all__` says so."""
    listed = getattr(module, "__all__", None)
    if isinstance(listed, list | tuple):
        return [name for name in listed if isinstance(name, str) and inspect.isroutine(getattr(module, name, None))]
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == module.__name__
    ]


def _imported(place: str) -> ModuleType:
    try:
        if place.endswith(".py"):
            return _from_file(Path(place))
        with _found_in(Path.cwd()):
            return importlib.import_module(place)
    except CatalogError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises, the user is to read
        raise CatalogError(
            f"{place} cannot be imported: {type(error).__name__}: {str(error)[:300]}; see that Python can import it"
        ) from error


def _from_file(path: Path) -> ModuleType:
    """Under a name of its own, which stays known: pydantic looks there for the names in hints."""
    if not path.is_file():
        raise CatalogError(f"{path} is not there; check the path")
    digest = hashlib.blake2b(str(path.resolve()).encode(errors="replace"), digest_size=4).hexdigest()
    name = f"{re.sub(r'[^A-Za-z0-9_]', '_', path.stem)}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CatalogError(f"{path} is no Python file; give one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _found_in(path.resolve().parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _found_in(folder: Path) -> Iterator[None]:
    """As when Python is started there: neighbours can be imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
