'''Reads Python functions as tools, from their signatures, type hints and docstrings.

Here belongs how a callable is described; pydantic converts its hints to JSON Schema. Reading a module imports it, so
**its code runs**. Read only modules that you would run.

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

from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.examples import infer_schema
from funcdex_assets.catalog.loose_schema import mend_arguments, mend_schema, parse_type_word, strip_markup

_EMPTY = inspect.Parameter.empty
_SECTION = re.compile(
    r"(args|arguments|parameters|params|keyword args|keyword arguments|other parameters|returns?|yields?|raises|"
    r"examples?|notes?|warnings?|see also|references|attributes|todo)\s*:?",
    re.IGNORECASE,
)
_PARAMETER_SECTIONS = ("arg", "param", "keyword arg", "other param")
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\(([^)]*)\))?\s*:\s*(.*)")
_NUMPY = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::\s*(.*))?")
_REST = re.compile(r":(?:param|parameter|arg|argument|key|keyword)\s+(?:([^:]*?)\s+)?\*{0,2}(\w+)\s*:\s*(.*)")
_REST_TYPE = re.compile(r":type\s+(\w+)\s*:\s*(.*)")


def read_functions(functions: Iterable[Callable[..., Any]]) -> DraftsAndProblems:
    """Yields a draft for each function, and problems.

    An optional parameter that cannot be described is left out; a required one costs the tool.
    """
    for function in functions:
        location = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function)[:60])}"
        try:
            yield from _draft_function(function, location)
        except (TypeError, ValueError, NameError, AttributeError, SyntaxError, RecursionError) as error:
            yield Problem(location, f"its signature cannot be read: {type(error).__name__}: {str(error)[:200]}")


def read_module(spec: str) -> DraftsAndProblems:
    """Reads the public functions that a module defines: `package.module`, `file.py`, or either with `:function`.

    `__all__` decides which functions are public if the module has it. The module is imported, so its code runs.

    Raises:
        CatalogError: it cannot be imported, or has no such function.
    """
    module_path, _, function_name = spec.partition(":") if spec.count(":") == 1 else (spec, "", "")
    module = _import_module(module_path)
    if function_name:
        function = getattr(module, function_name, None)
        if not callable(function):
            functions = ", ".join(_list_public_functions(module)) or "none"
            raise CatalogError(f"{module_path} has no function {function_name!r}; it has {functions}")
        return read_functions([function])
    functions = [getattr(module, name) for name in _list_public_functions(module)]
    if not functions:
        raise CatalogError(f"{module_path} defines no public function; name one: {module_path}:function")
    return read_functions(functions)


class Docstring(NamedTuple):
    """A parsed docstring: `parameters` maps each name to its description, `types` to the word for its type, if any."""

    summary: str
    parameters: Mapping[str, str]
    types: Mapping[str, str]


def parse_docstring(text: str) -> Docstring:
    r"""Parses a docstring of Google's, NumPy's or reST's style, recognised by its sections.

    >>> parse_docstring("Adds.\n\n:param int n: How many.\n:returns: The sum.")
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
        elif stripped.startswith(":") and (match := _REST.match(stripped)):
            section, current = ":param", match[2]
            parameters[current] = [match[3]]
            types |= {current: match[1]} if match[1] else {}
        elif stripped.startswith(":") and ":" in stripped[1:]:
            section, current = ":", ""
            types |= {match[1]: match[2]} if (match := _REST_TYPE.match(stripped)) else {}
        elif not section:
            summary.append(stripped)
        elif section == ":param":
            if current and stripped:
                parameters[current].append(stripped)
        elif section.startswith(_PARAMETER_SECTIONS) and stripped:
            depth = indent if depth is None else depth
            match = (_NUMPY if numpy else _GOOGLE).fullmatch(stripped) if indent <= depth else None
            if match and not (numpy and indent):
                for current in re.split(r"\s*,\s*", match[1]):
                    parameters[current] = [] if numpy else [match[3]]
                    types |= {current: match[2]} if match[2] else {}
            elif current:
                parameters[current].append(stripped)
    return Docstring(
        strip_markup(" ".join(summary)),
        {name: strip_markup(" ".join(text)) for name, text in parameters.items()},
        types,
    )


def _begins_section(lines: list[str], index: int) -> bool:
    """Tells if a section begins in this line: Google ends its title with a colon, NumPy underlines it."""
    title = lines[index].strip()
    if lines[index][:1].isspace() or not _SECTION.fullmatch(title):
        return False
    return title.endswith(":") or (index + 1 < len(lines) and set(lines[index + 1].strip()) == {"-"})


def _draft_function(function: Callable[..., Any], location: str) -> DraftsAndProblems:
    """Yields the draft of one function and a problem for each detail left out, or only the problem that costs it."""
    from pydantic import TypeAdapter

    signature = inspect.signature(function)
    source = _find_hint_owner(function)
    hints = get_type_hints(source, include_extras=True)
    documentation = parse_docstring(inspect.getdoc(source if isinstance(function, partial) else function) or "")
    inputs: list[tuple[str, Any, Any]] = []
    unhinted_schemas: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    left_out: list[str] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            left_out.append(f"{stars}{name} is left out: what it takes has no names")
            continue
        if name not in hints:
            unhinted_schemas[name] = _infer_unhinted(documentation.types.get(name), parameter.default)
        elif problem := _explain_indescribable(adapter := _build_adapter(hints[name]), "validation"):
            if parameter.default is _EMPTY:
                yield Problem(location, f"its argument {name!r} cannot be described: {problem}")
                return
            left_out.append(f"its argument {name!r} is left out: {problem}")
            continue
        else:
            inputs.append((name, "validation", adapter))
        required += [name] if parameter.default is _EMPTY else []
    schemas, shared = TypeAdapter.json_schemas(inputs, ref_template="#/$defs/{model}")
    described = {name: schema for (name, _), schema in schemas.items()} | unhinted_schemas
    properties = {name: described[name] for name in signature.parameters if name in described}
    for name, schema in properties.items():
        properties[name] = schema | _build_annotations(
            schema, documentation.parameters.get(name), signature.parameters[name].default
        )
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    parameters, omissions = mend_arguments({**schema, "$defs": shared.get("$defs", {})})
    returns, result_omissions = _describe_result(_EMPTY if inspect.isclass(function) else hints.get("return", _EMPTY))
    name_owner = source if isinstance(function, partial) else function
    name = getattr(name_owner, "__name__", type(function).__name__)
    yield Draft(location, name, documentation.summary, parameters, returns)
    for reason in [*left_out, *(f"{omission} is left out" for omission in omissions), *result_omissions]:
        yield Problem(location, reason, lost=False)


def _find_hint_owner(function: Callable[..., Any]) -> Any:
    """Returns the function with the hints: a partial's function, a class's `__init__`, an object's `__call__`."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isclass(function):
        return function.__init__
    return function if inspect.isroutine(function) else function.__call__


def _build_adapter(hint: Any) -> Any:
    """Returns pydantic's TypeAdapter for a hint, or the reason, as text, why there is none."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(_replace_typed_dicts(hint))
    except (PydanticUserError, TypeError, NameError, RecursionError) as error:
        return str(error).split("\n", 1)[0][:200]


def _replace_typed_dicts(hint: Any) -> Any:
    """Replaces TypedDicts of `typing` in a hint by those of `typing_extensions`.

    Before Python 3.12 pydantic accepts only the latter, and people use the former.
    """
    if sys.version_info >= (3, 12):
        return hint
    if is_typeddict(hint):
        fields = {
            name: typing_extensions.Required[inner_hint]
            if name in hint.__required_keys__
            else typing_extensions.NotRequired[inner_hint]
            for name, inner_hint in (
                (name, _replace_typed_dicts(inner_hint)) for name, inner_hint in get_type_hints(hint).items()
            )
        }
        return typing_extensions.TypedDict(hint.__name__, fields)  # type: ignore[operator]
    origin, arguments_of_hint = get_origin(hint), get_args(hint)
    changed = tuple(
        _replace_typed_dicts(inner_hint) if isinstance(inner_hint, type) or get_args(inner_hint) else inner_hint
        for inner_hint in arguments_of_hint
    )
    if all(old is new for old, new in zip(arguments_of_hint, changed, strict=True)):
        return hint
    if origin in (Union, UnionType):
        return reduce(or_, changed)
    return Annotated[changed] if origin is Annotated else origin[changed]


def _explain_indescribable(adapter: Any, mode: Any) -> str:
    """Returns the reason why a hint has no JSON Schema, '' if it has one; `adapter` is from `_build_adapter`."""
    from pydantic.errors import PydanticUserError

    if isinstance(adapter, str):
        return adapter
    try:
        adapter.json_schema(mode=mode)
    except (PydanticUserError, TypeError, ValueError, RecursionError) as error:
        return str(error).splitlines()[0][:200]
    return ""


def _infer_unhinted(word: str | None, default: Any) -> dict[str, Any]:
    """Infers the schema of a parameter without a hint from the docstring's word for its type, or from its default."""
    schema = parse_type_word(word)
    if schema is not None or default is _EMPTY or default is None:
        return schema or {}
    return infer_schema([default]) if isinstance(default, bool | int | float | str | list | dict) else {}


def _build_annotations(schema: Mapping[str, Any], description: str | None, default: Any) -> dict[str, Any]:
    """Returns the description and the default that a parameter's schema lacks."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    added: dict[str, Any] = {"description": description} if description and "description" not in schema else {}
    takes_none = any(alternative == {"type": "null"} for alternative in (schema, *schema.get("anyOf", ())))
    if default is not _EMPTY and (default is not None or takes_none):
        with suppress(
            PydanticSerializationError, ValueError, RecursionError
        ):  # such as a sentinel of the function's own
            added["default"] = to_jsonable_python(default)
    return added


def _describe_result(hint: Any) -> tuple[Any, list[str]]:
    """Returns the schema of a function's result, None if it is unknown, and the reasons for leaving it out."""
    if hint in (_EMPTY, Any):
        return None, []
    if hint in (None, NoneType):
        return {"type": "null"}, []
    adapter = _build_adapter(hint)
    if problem := _explain_indescribable(adapter, "serialization"):
        return None, [f"its result is left out: {problem}"]
    return mend_schema(adapter.json_schema(mode="serialization", ref_template="#/$defs/{model}")).schema or None, []


def _list_public_functions(module: ModuleType) -> list[str]:
    """Lists the functions that a module defines, in order; imported ones only if they are in `__all__`."""
    listed = getattr(module, "__all__", None)
    if isinstance(listed, list | tuple):
        return [name for name in listed if isinstance(name, str) and inspect.isroutine(getattr(module, name, None))]
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == module.__name__
    ]


def _import_module(module_path: str) -> ModuleType:
    try:
        if module_path.endswith(".py"):
            return _import_file(Path(module_path))
        with _search_imports_in(Path.cwd()):
            return importlib.import_module(module_path)
    except CatalogError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises, the user must see
        raise CatalogError(
            f"{module_path} cannot be imported: {type(error).__name__}: {str(error)[:300]}; "
            "see that Python can import it"
        ) from error


def _import_file(path: Path) -> ModuleType:
    """Imports a file under a unique module name, which stays in `sys.modules`: pydantic resolves hints there."""
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
        with _search_imports_in(path.resolve().parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _search_imports_in(folder: Path) -> Iterator[None]:
    """Puts a folder on `sys.path` for a while, so that modules beside the imported one are found."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
