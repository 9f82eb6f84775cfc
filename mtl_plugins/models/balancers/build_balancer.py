from collections.abc import Mapping, Sequence
from typing import Any

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.registry import MODELS, UnknownComponentError

from .balancer import Balancer
from .balancer_names import balancer_names


def build_balancer(config: Mapping[str, Any], tasks: Sequence[str]) -> Balancer:
    """Build the balancer of a model.

    Args:
        config: Config of the balancer.
        tasks: Names of the model's tasks.

    Raises:
        ValueError: The config names no balancer.
    """
    if not isinstance(config, Mapping) or "type" not in config:
        raise ValueError(f"model.balancer={config!r} must be a dict with the type of a balancer, or None.")
    given = config["type"]
    try:
        kind = given if isinstance(given, type) else MODELS.get(str(given))
    except UnknownComponentError:
        kind = None
    if not (isinstance(kind, type) and issubclass(kind, Balancer)):
        names = balancer_names()
        raise ValueError(
            f"model.balancer: {given!r} is not a balancer: {did_you_mean(given, names)}The balancers are "
            f"{', '.join(names)}. The file of your own must be in custom_imports."
        )
    if "tasks" in config:
        raise ValueError(
            f"model.balancer: leave out tasks={config['tasks']!r}: the tasks are those of model.heads "
            f"({', '.join(tasks)}). Factors on single tasks are task_weights."
        )
    return MODELS.build({"tasks": tuple(tasks), **config})
