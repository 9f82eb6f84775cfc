from dataclasses import dataclass

import torch
from torch.export import Dim, ExportedProgram

from mtl_plugins.models import InferenceNetwork

from .backend import Signature
from .torch_backend import in_precision

INPUT = "images"
_AXES = {0: "batch", 2: "height", 3: "width"}


class NotExpressibleError(ValueError):
    """A network has a part that a graph, or a format, has no words for."""


@dataclass(frozen=True)
class Graph:
    """A network as a graph of tensor operations, which every export starts from.

    ``reason`` tells why it takes fewer sizes than were asked for, if it does.
    """

    exported: ExportedProgram
    signature: Signature
    reason: str = ""


@torch.no_grad()
def capture(
    network: InferenceNetwork,
    size: tuple[int, int],
    precision: str = "float32",
    batch: int | None = None,
    fixed_size: bool = False,
) -> Graph:
    """The graph of a network.

    Args:
        size: (H, W) that the graph is for; where ``fixed_size`` is not set, an example.
        batch: Images at a time; ``None``: any number.
        fixed_size: Whether no other size is wanted, which can be faster.

    Raises:
        NotExpressibleError: the network can't be expressed as a graph; says why.
    """
    network = in_precision(network, precision)
    axes = [axis for axis, fixed in {0: batch is not None, 2: fixed_size, 3: fixed_size}.items() if not fixed]
    images = _example(network, batch or 2, size)  # 2: a graph made with a batch of 1 is for 1 alone
    reason = ""
    try:
        exported = _export(network, images, axes)
    except Exception as error:
        if not axes:
            raise _not_expressible(network, error) from error
        exported, reason = _export_what_goes(network, images, axes, error)
    shape = [length if isinstance(length, int) else None for length in _input_shape(exported)]
    return Graph(exported, Signature.of(network, precision, (shape[0], *shape[2:])), reason)


def least_size(exported: ExportedProgram) -> tuple[int, int]:
    """The smallest (H, W) that the graph takes: sizes below it would have led to another one."""
    return tuple(_least(exported, length) for length in _input_shape(exported)[-2:])


def _least(exported, length):
    return length if isinstance(length, int) else int(exported.range_constraints[length.node.expr].lower)


def _example(network, batch, size):
    images = torch.zeros(batch, 3, *size, dtype=torch.uint8)
    if not network.whole:
        images = images.to(next(network.parameters()).dtype)
    return images.to(next(network.parameters()).device, memory_format=torch.channels_last)


def _export(network, images, axes):
    shapes = {INPUT: {axis: Dim.DYNAMIC for axis in axes}} if axes else None
    return torch.export.export(network, (images,), dynamic_shapes=shapes)


def _export_what_goes(network, images, axes, error):
    """``(graph, why it takes fewer sizes than all the axes would allow)``."""
    for fewer in ([0], []):
        if fewer != axes and set(fewer) <= set(axes):
            try:
                exported = _export(network, images[:1] if 0 in axes and 0 not in fewer else images, fewer)
            except Exception as later:
                error = later
                continue
            fixed = " and ".join(_AXES[axis] for axis in axes if axis not in fewer)
            return exported, f"{fixed} had to be fixed: {first_line(error)}"
    raise _not_expressible(network, error) from error


def _input_shape(exported):
    [name] = exported.graph_signature.user_inputs
    return next(node.meta["val"].shape for node in exported.graph.nodes if node.name == name)


def _not_expressible(network, error):
    backbone = getattr(network.model.backbone, "model_name", type(network.model.backbone).__name__)
    return NotExpressibleError(
        f"the network with the backbone {backbone} can't be expressed as a graph, so it can't be exported: "
        f"{first_line(error)}"
    )


def first_line(error: Exception) -> str:
    """What a library's error says, without the pages that may follow."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:300]
