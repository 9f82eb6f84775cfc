"""Renaming the keys of a state dict by rules."""

import re
from collections.abc import Callable, Sequence

from torch import Tensor

#: A pattern of published names, and a function that returns our name for a match.
Rule = tuple[str, Callable[[re.Match], str]]


def rename_keys(state_dict: dict[str, Tensor], rules: Sequence[Rule], format: str, examples: str) -> dict[str, Tensor]:
    """Rename the keys of a state dict. The first rule whose pattern matches the complete key determines its name.

    Args:
        state_dict: The published weights; the prefix `module.` of parallel wrappers is removed.
        rules: Patterns and names.
        format: Name of the format, for the error message.
        examples: Some keys of the format, for the error message.

    Raises:
        ValueError: No rule matches a key, or there are no keys.
    """
    converted: dict[str, Tensor] = {}
    unknown: list[str] = []
    for key, value in state_dict.items():
        name = _rename(key.removeprefix("module."), rules)
        if name is None:
            unknown.append(key)
        else:
            converted[name] = value
    if unknown or not converted:
        raise ValueError(
            f"not a checkpoint of the format {format!r}: {len(unknown)} of its {len(state_dict)} keys are unknown "
            f"({', '.join(unknown[:5]) or 'it is empty'}). Expected names such as {examples}."
        )
    return converted


def _rename(key: str, rules: Sequence[Rule]) -> str | None:
    for pattern, name in rules:
        if match := re.fullmatch(pattern, key):
            return name(match)
    return None
