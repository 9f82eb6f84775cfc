from mtl_plugins.registry import MODELS

from .balancer import Balancer


def balancer_names() -> list[str]:
    """Names of the registered balancers, sorted."""
    MODELS.import_from_location()
    found = {name for name, kind in MODELS.module_dict.items() if isinstance(kind, type) and issubclass(kind, Balancer)}
    return sorted(found)
