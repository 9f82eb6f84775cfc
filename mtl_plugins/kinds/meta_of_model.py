from collections.abc import Mapping
from typing import Any

from .kind_registry import kinds_of_heads
from .task_meta import head_meta


def meta_of_model(meta: Mapping[str, Any], heads: Mapping[str, Any]) -> dict[str, Any]:
    """METAINFO with what painting needs to know about a model: see `head_meta` and `kinds_of_heads`.

    Args:
        meta: METAINFO of a dataset.
        heads: The heads of the model by task.
    """
    return {**meta, **head_meta(heads), "kinds": kinds_of_heads(heads)}
