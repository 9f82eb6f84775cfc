"""Parameters and operations of each part of a network, and of each task alone."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mtl_plugins.kernels import without_kernels
from mtl_plugins.models import InferenceNetwork, MultiTaskModel

from .network_cost import count_flops, count_parameters


@dataclass(frozen=True)
class PartCost:
    """What a part of a network costs.

    Attributes:
        name: `backbone`, `neck`, `head depth`, `only depth` (a network pruned to one task) or `total`.
        parameters: Number of parameters.
        flops: Floating-point operations of a forward pass; a multiplication and an addition count as two. Only
            convolutions, matrix products and attention are counted, as in PyTorch's counter.
    """

    name: str
    parameters: int
    flops: int


@torch.inference_mode()
def part_costs(model: MultiTaskModel, images: Tensor) -> list[PartCost]:
    """Costs of the backbone, the neck, each head and the total; with several tasks also of each task alone.

    Args:
        model: The model; it stays unchanged.
        images: Normalised images (N, 3, H, W).
    """
    network = InferenceNetwork(model, channel_blocked=False).model
    parts: dict[str, nn.Module | None] = {"backbone": network.backbone, "neck": network.neck}
    parts |= {f"head {task}": head for task, head in network.heads.items()}
    rows = []
    with FlopCounterMode(display=False) as counter, without_kernels(), _counting(parts, counter) as flops:
        network.outputs(images)
    for name, part in parts.items():
        if part is not None:
            rows.append(PartCost(name, count_parameters(part), flops[name]))
    rows.append(PartCost("total", count_parameters(network), counter.get_total_flops()))
    if len(network.tasks) > 1:
        rows += [_single_task(network, task, images) for task in network.tasks]
    return rows


def _single_task(model: MultiTaskModel, task: str, images: Tensor) -> PartCost:
    network = InferenceNetwork(model, [task], channel_blocked=False).model
    return PartCost(f"only {task}", count_parameters(network), count_flops(network, images))


@contextmanager
def _counting(parts: dict[str, nn.Module | None], counter: FlopCounterMode) -> Iterator[Counter[str]]:
    """Count the operations of each part's `forward` by its name."""
    flops: Counter[str] = Counter()

    def start(name, module, args):
        flops[name] -= counter.get_total_flops()

    def stop(name, module, args, output):
        flops[name] += counter.get_total_flops()

    with ExitStack() as handles:
        for name, part in parts.items():
            if part is not None:
                handles.enter_context(part.register_forward_pre_hook(partial(start, name)))
                handles.enter_context(part.register_forward_hook(partial(stop, name)))
        yield flops


def format_costs(rows: list[PartCost]) -> str:
    """The costs as a text table."""
    total = next(row for row in rows if row.name == "total")
    width = max(len(row.name) for row in rows)
    lines = [f"{'':<{width}}  {'M parameters':>12}  {'GFLOP':>8}  {'share':>6}"]
    for row in rows:
        share = row.flops / total.flops if total.flops else 0.0
        lines.append(f"{row.name:<{width}}  {row.parameters / 1e6:12.3f}  {row.flops / 1e9:8.3f}  {share:6.1%}")
    return "\n".join(lines)
