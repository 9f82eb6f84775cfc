"""Values of `--cfg-options`: Python literals in which strings need no quotes."""

import ast
from collections.abc import Iterator
from typing import Any

from mmengine.config import DictAction

_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_DEEPEST = 50  # levels of nesting


def parse_value(text: str, depth: int = 0) -> Any:
    """Convert the text of a value.

    Numbers, `True`, `False`, `None`, lists, tuples, dicts (`{a: 1}` or `dict(a=1)`) and quoted strings are read as in
    Python. Everything else is a string. Values separated by commas are a list.

    Raises:
        ValueError: Brackets or quotes are not closed, or a dict has an item without a value.

    Examples:
        >>> parse_value("1,2.5,a"), parse_value("[dict(type=A, sizes=(1, 2)), {'b': None}]")
        ([1, 2.5, 'a'], [{'type': 'A', 'sizes': (1, 2)}, {'b': None}])
    """
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} brackets are nested")
    text = text.strip()
    items = list(_split(text, ","))
    if len(items) > 1:
        return [parse_value(item, depth + 1) for item in items if item.strip() or item is not items[-1]]
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        try:
            quoted = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            raise ValueError(f"the quotes in {text!r} do not match") from None
        return quoted
    start = "dict(" if text.startswith("dict(") and text.endswith(")") else text[:1]
    if start != "dict(" and _BRACKETS.get(start) != text[-1:]:
        return DictAction._parse_int_float_bool(text)
    inner = text[len(start) : -1]
    separator = {"dict(": "=", "{": ":"}.get(start)
    if start == "{" and inner.strip() and len(list(_split(inner, ":"))) == 1:
        return text  # a placeholder such as {name}
    items = [item for item in _split(inner, ",")]
    if items and not items[-1].strip():
        items.pop()  # [1, 2,]
    if separator is None:
        values = [parse_value(item, depth + 1) for item in items]
        return tuple(values) if start == "(" else values
    pairs = [[part.strip() for part in _split(item, separator, most=1)] for item in items]
    for pair, item in zip(pairs, items, strict=True):
        if len(pair) != 2 or not pair[0]:
            raise ValueError(f"{item.strip()!r} in a dict is not KEY{separator}VALUE")
    return {_key(key): parse_value(value, depth + 1) for key, value in pairs}


def _key(text: str) -> Any:
    return parse_value(text) if text[0] in "'\"" or text.lstrip("-").isdigit() else text


def _split(text: str, separator: str, most: int | None = None) -> Iterator[str]:
    """The parts of a text between separators that stand outside brackets and quoted strings."""
    start, closing, quote, found = 0, [], "", 0
    fresh = True  # a quote here begins a string; elsewhere it is an apostrophe
    for position, character in enumerate(text):
        if quote:
            escaped = text[position - 1] == "\\" and text[position - 2] != "\\"
            quote = "" if character == quote and not escaped else quote
            continue
        if character in "'\"" and fresh:
            quote = character
        elif character in _BRACKETS:
            closing.append(_BRACKETS[character])
        elif character in ")]}":
            if not closing or closing.pop() != character:
                raise ValueError("unbalanced brackets")
        elif character == separator and not closing and (most is None or found < most):
            yield text[start:position]
            start, found = position + 1, found + 1
        fresh = character.isspace() or character in "([{,:="
    if quote:
        raise ValueError(f"the string that begins with {quote} does not end")
    if closing:
        raise ValueError("unbalanced brackets")
    yield text[start:]
