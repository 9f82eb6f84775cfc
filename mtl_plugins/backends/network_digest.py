import hashlib

from mtl_plugins.models import MultiTaskModel


def network_digest(model: MultiTaskModel) -> str:
    """A digest of the form of backbone and neck (names and shapes of their weights), independent of the tasks.

    A part with `prune(tasks)` is left out, because its weights depend on the tasks.
    """
    parts = {"backbone": model.backbone, "neck": model.neck}
    shapes = [
        f"{part}.{name} {tuple(value.shape)}"
        for part, module in parts.items()
        if module is not None and not hasattr(module, "prune")
        for name, value in module.state_dict().items()
    ]
    return hashlib.sha256("\n".join(shapes).encode()).hexdigest()[:16]
