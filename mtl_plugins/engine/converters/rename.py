import re
from collections.abc import Callable, Sequence

from torch import Tensor

Rule = tuple[str, Callable[[re.Match], str]]  # a pattern of the published names, and ours for a match


def rename_keys(state_dict: dict[str, Tensor], rules: Sequence[Rule], format: str, examples: str) -> dict[str, Tensor]:
    """``state_dict`` under our names: the first rule whose pattern a key matches as a whole gives its name.

    The ``module.`` of a parallel wrapper is dropped first.

    Raises:
        ValueError: keys that no rule knows, or none at all; ``format`` and ``examples`` tell what was expected.
    """
    converted, unknown = {}, []
    for key, value in state_dict.items():
        name = _rename(key.removeprefix("module."), rules)
        if name is None:
            unknown.append(key)
        else:
            converted[name] = value
    if unknown or not converted:
        raise ValueError(
            f"this is no checkpoint of the format {format!r}: {len(unknown)} of its {len(state_dict)} keys are not "
            f"known there, such as {', '.join(unknown[:5]) or 'any'}. It expects names like {examples}."
        )
    return converted


def _rename(key, rules):
    for pattern, name in rules:
        if match := re.fullmatch(pattern, key):
            return name(match)
    return None
