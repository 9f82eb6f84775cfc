import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram
from torch.utils._pytree import tree_unflatten

from mtl_plugins.models import InferenceNetwork

from .build_options import BuildOptions
from .signature import Signature, name_outputs
from .torch_backend import in_precision

INPUT = "images"  # name of the graph's input
_POSITION = re.compile(r"Exception from \S+:\d+:$|Check '.*' failed at ")  # in the source code of OpenVINO
_AXES = {0: "batch", 2: "height", 3: "width"}


class NotExpressibleError(ValueError):
    """A part of the network cannot be expressed as a graph or in an export format."""


@dataclass(frozen=True)
class Graph:
    """A network as a graph of tensor operations, the first step of every export.

    Attributes:
        exported: The graph.
        signature: Its inputs and outputs.
        reason: Why it supports fewer sizes than requested; empty if it supports all of them.
    """

    exported: ExportedProgram
    signature: Signature
    reason: str = ""


@torch.no_grad()
def capture(network: InferenceNetwork, options: BuildOptions) -> Graph:
    """The graph of a network.

    Args:
        network: The network.
        options: Size, batch and precision of the weights. Without `fixed_size`, the size is an example.

    Raises:
        NotExpressibleError: The network cannot be expressed as a graph; the message contains the reason.
    """
    network = in_precision(network, options.precision)
    fixed_axes = {0: options.batch is not None, 2: options.fixed_size, 3: options.fixed_size}
    axes = [axis for axis, fixed in fixed_axes.items() if not fixed]
    batch = options.batch or 2  # a graph captured with a batch of 1 is specialised to 1
    images = _example(network, batch, options.size)
    reason = ""
    try:
        exported = _export(network, images, axes)
    except Exception as error:
        if not axes:
            raise _not_expressible(network, error) from error
        exported, reason = _export_fewer_sizes(network, images, axes, error)
    n, _, height, width = (length if isinstance(length, int) else None for length in _input_shape(exported))
    signature = Signature.of(network, options.precision, (n, height, width), _structure(exported))
    return Graph(exported, signature, reason)


def least_size(exported: ExportedProgram) -> tuple[int, int]:
    """The smallest (H, W) that the graph supports; smaller images would take another path through the network."""
    height, width = (_least(exported, length) for length in _input_shape(exported)[-2:])
    return height, width


def _least(exported, length):
    return length if isinstance(length, int) else int(exported.range_constraints[length.node.expr].lower)


def _structure(exported: ExportedProgram) -> dict[str, Any]:
    spec = exported.call_spec.out_spec
    return name_outputs(tree_unflatten(range(spec.num_leaves), spec))


def _example(network: InferenceNetwork, batch: int, size: tuple[int, int]) -> Tensor:
    images = torch.zeros(batch, 3, *size, dtype=torch.uint8)
    if not network.end_to_end:
        images = images.to(next(network.parameters()).dtype)
    return images.to(next(network.parameters()).device, memory_format=torch.channels_last)


def _export(network: InferenceNetwork, images: Tensor, axes: Sequence[int]) -> ExportedProgram:
    shapes = {INPUT: {axis: Dim.DYNAMIC for axis in axes}} if axes else None
    return torch.export.export(network, (images,), dynamic_shapes=shapes)


def _export_fewer_sizes(
    network: InferenceNetwork, images: Tensor, axes: Sequence[int], error: Exception
) -> tuple[ExportedProgram, str]:
    """The graph with as few fixed axes as possible, and why it supports fewer sizes than requested."""
    for free in ([0], []):
        if free != axes and set(free) <= set(axes):
            try:
                exported = _export(network, images[:1] if 0 in axes and 0 not in free else images, free)
            except Exception as later:
                error = later
                continue
            fixed = " and ".join(_AXES[axis] for axis in axes if axis not in free)
            return exported, f"{fixed} had to be fixed: {first_line(error)}"
    raise _not_expressible(network, error) from error


def _input_shape(exported):
    [name] = exported.graph_signature.user_inputs
    return next(node.meta["val"].shape for node in exported.graph.nodes if node.name == name)


def _not_expressible(network, error):
    backbone = getattr(network.model.backbone, "model_name", type(network.model.backbone).__name__)
    return NotExpressibleError(
        f"the network with the backbone {backbone} cannot be expressed as a graph, so it cannot be exported: "
        f"{first_line(error)}"
    )


def first_line(error: Exception) -> str:
    """The first line of an error message of another library, without the details that may follow."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = [line for line in lines if not _POSITION.match(line)] or lines
    return (lines or [type(error).__name__])[0][:300].rstrip(".")
