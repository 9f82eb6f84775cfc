import hashlib

from mtl_plugins.models import MultiTaskModel


def network_digest(model: MultiTaskModel) -> str:
    """What tells networks of different form apart, whatever their weights and tasks: backbone and neck."""
    parts = {"backbone": model.backbone, "neck": model.neck}
    shapes = [
        f"{part}.{name} {tuple(value.shape)}"
        for part, module in parts.items()
        if module is not None
        for name, value in module.state_dict().items()
    ]
    return hashlib.sha256("\n".join(shapes).encode()).hexdigest()[:16]


def check_same_network(signature, model: MultiTaskModel) -> None:
    """``ValueError`` for an exported file of a network of another form than the config's."""
    if signature.network and signature.network != network_digest(model):
        raise ValueError(
            "the exported file is of another network than the config: its backbone or neck differs. Take the config, "
            "and the options, that it was exported with."
        )
