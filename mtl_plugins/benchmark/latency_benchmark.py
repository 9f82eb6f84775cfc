"""The latency of prediction: every backend compared with the plain network in one run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from statistics import median, quantiles
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.backends import BACKENDS, build_backend, compare
from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.engine.optim_wrapper import resolve_precision
from mtl_plugins.kernels import without_kernels
from mtl_plugins.models import InferenceNetwork, MultiTaskModel

from .memory import held_memory, peak_memory
from .network_cost import count_flops, count_parameters, part_shares
from .section import Section
from .timing import alternate, contender, paired_ratio

#: Name of the baseline.
BASELINE = "eager NCHW"
_RANDOM_IMAGES = 16


@dataclass(frozen=True)
class LatencyRow:
    """The latency of one backend at one size.

    Attributes:
        backend: Name of the backend.
        precision: Name of the precision.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        batch: Images per batch.
        latency_ms_median: Median time of a batch in milliseconds, from normalised images to raw outputs.
        latency_ms_p10: Its 10th percentile.
        latency_ms_p90: Its 90th percentile.
        ratio_to_baseline: Speed relative to the baseline: the median over the rounds of the ratio of the times.
        images_per_second: Batch size divided by the median.
        max_difference: Largest difference from the baseline's output, relative to the output's range, over all tasks.
        memory_mb: Additional memory, in MiB, that the process (or the GPU) holds at its peak, including the weights;
            None if the system does not report it.
    """

    backend: str
    precision: str
    height: int
    width: int
    batch: int
    latency_ms_median: float
    latency_ms_p10: float
    latency_ms_p90: float
    ratio_to_baseline: float
    images_per_second: float
    max_difference: float
    memory_mb: float | None


@dataclass(frozen=True)
class LatencySetting:
    """What to measure: each backend in each of its precisions.

    Attributes:
        sizes: Heights and widths of the images in pixels.
        batches: Numbers of images per batch.
        backends: Names of the backends; by default all that are installed.
        precisions: Names of the precisions; by default those that the hardware supports.
        steps: Batches per turn.
        rounds: Turns of each backend.
        as_written: Whether the backends get the network without the channel blocks of `InferenceNetwork`.

    Raises:
        ValueError: A name is unknown, or a number is below 1.
    """

    sizes: Sequence[tuple[int, int]] = ((480, 640),)
    batches: Sequence[int] = (1,)
    backends: Sequence[str] | None = None
    precisions: Sequence[str] | None = None
    steps: int = 3
    rounds: int = 5
    as_written: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.backends or ()) - set(BACKENDS))
        if unknown:
            hint = did_you_mean(unknown[0], BACKENDS)
            raise ValueError(f"unknown backend {unknown[0]!r}: {hint}choose from {', '.join(BACKENDS)}.")
        known = {precision for backend in BACKENDS.values() for precision in backend.precisions}
        if unknown := sorted(set(self.precisions or ()) - known):
            raise ValueError(f"unknown precision {unknown[0]!r}: choose from {', '.join(sorted(known))}.")
        if min(self.steps, self.rounds, *self.batches, *(n for size in self.sizes for n in size)) < 1:
            raise ValueError("sizes, batches, steps and rounds must be 1 or more.")


def benchmark_latency(
    model: MultiTaskModel, setting: LatencySetting, calibration: Sequence[Tensor] | None = None
) -> Iterator[tuple[Section, list[LatencyRow]]]:
    """Yield a section and its rows for each size and batch size.

    Args:
        model: A model in evaluation mode, on the device to measure.
        setting: What to measure.
        calibration: RGB images, uint8, (3, H, W), resized to each size. int8 calibrates its ranges on them, and the
            differences to the baseline are measured on the first ones. By default, random images.
    """
    for size in setting.sizes:
        for batch in setting.batches:
            yield _measure(model, (size[0], size[1]), batch, setting, calibration)


def _measure(
    model: MultiTaskModel,
    size: tuple[int, int],
    batch: int,
    setting: LatencySetting,
    calibration: Sequence[Tensor] | None,
) -> tuple[Section, list[LatencyRow]]:
    device = next(model.parameters()).device
    prepared = _calibration_images(model, calibration, size)
    images = torch.cat(list(islice(cycle(prepared), batch))).to(device)
    plain, network = (
        plain_network(model),
        InferenceNetwork(model, channel_blocked=False if setting.as_written else None),
    )
    channels_last = images.contiguous(memory_format=torch.channels_last)

    @without_kernels()
    @torch.inference_mode()
    def baseline() -> None:
        plain(images)

    contenders: dict[tuple[str, str], Callable[[], object]] = {(BASELINE, "float32"): baseline}
    differences: dict[tuple[str, str], float] = {}
    memory: dict[tuple[str, str], float | None] = {}
    notes = []
    for key in _backends_and_precisions(setting, device):
        options: dict[str, Any] = dict(calibration=prepared) if key[1] == "int8" else {}
        before = held_memory(device)
        try:
            backend = build_backend(key[0], network, size, key[1], batch, **options)
            differences[key] = max(compare(plain, backend, channels_last).values())
        except (ImportError, ValueError) as error:
            notes.append(f"{' '.join(key)}: not measured: {str(error).splitlines()[0]}")
            continue
        contenders[key] = partial(backend, channels_last)
        peak = peak_memory(device, contenders[key])
        memory[key] = peak - before if peak is not None and before is not None else None
    timed = {key: contender(call, model, keep_memory=key[0] != BASELINE) for key, call in contenders.items()}
    times = alternate(timed, setting.rounds, setting.steps)
    rows = [_row(key, times, size, batch, differences.get(key, 0.0), memory.get(key)) for key in contenders]
    figures = dict(
        parameters=count_parameters(model),
        flops=count_flops(model, channels_last),
        **{f"share_{part}": share for part, share in part_shares(model, channels_last, setting.steps).items()},
    )
    title = f"Prediction, {size[0]}x{size[1]}, batch {batch}"
    return Section(title, (), figures, (*_notes(figures), *notes)), rows


def plain_network(model: MultiTaskModel) -> InferenceNetwork:
    """The network as its authors run it: not rearranged, NCHW, float32."""
    network = InferenceNetwork(model, channel_blocked=False)
    for parameter in network.parameters():
        parameter.data = parameter.data.contiguous()
    return network


def _backends_and_precisions(setting: LatencySetting, device: torch.device) -> Iterator[tuple[str, str]]:
    """The (backend, precision) pairs to measure; by default those that the hardware supports natively."""
    native = {"float32", "int8"}
    if resolve_precision("auto", device.type) == torch.bfloat16:
        native |= {"bf16"}
    if device.type == "cuda":
        native |= {"fp16"}
    for name in setting.backends or [name for name in BACKENDS if BACKENDS[name].is_available()]:
        for precision in BACKENDS[name].precisions:
            if precision in (setting.precisions or native):
                yield name, precision


def _calibration_images(model: MultiTaskModel, given: Sequence[Tensor] | None, size: tuple[int, int]) -> list[Tensor]:
    """Normalised images of the given size, each (1, 3, H, W), on the CPU."""
    if not given:
        generator = torch.Generator().manual_seed(0)
        return [torch.randn(1, 3, *size, generator=generator) for _ in range(_RANDOM_IMAGES)]
    device = next(model.parameters()).device
    batches = (model.data_preprocessor.normalise(image[None].to(device)).cpu() for image in given)
    return [F.interpolate(batch, size, mode="bilinear", align_corners=False, antialias=True) for batch in batches]


def _row(
    key: tuple[str, str],
    times: Mapping[tuple[str, str], Sequence[Sequence[float]]],
    size: tuple[int, int],
    batch: int,
    difference: float,
    memory: float | None,
) -> LatencyRow:
    seconds = sorted(second for turn in times[key] for second in turn)
    ratio = paired_ratio(next(iter(times.values())), times[key])
    middle = median(seconds)
    low, high = (quantiles(seconds, n=10)[i] for i in (0, -1)) if len(seconds) > 1 else (middle, middle)
    return LatencyRow(
        *key, *size, batch, 1e3 * middle, 1e3 * low, 1e3 * high, ratio, batch / middle, difference, memory
    )


def _notes(figures: Mapping[str, float]) -> tuple[str, str]:
    parts = {name.removeprefix("share_"): value for name, value in figures.items() if name.startswith("share_")}
    return (
        f"{figures['parameters'] / 1e6:.2f} million parameters, {figures['flops'] / 1e9:.2f} GFLOP per batch (multiply "
        "and add count as two)",
        "parts of eager channels-last: " + ", ".join(f"{part} {100 * share:.0f} %" for part, share in parts.items()),
    )


def format_rows(rows: Sequence[LatencyRow]) -> str:
    """The rows as a text table."""
    cells: list[tuple[str, ...]] = [
        ("backend", "precision", "ms", "p10", "p90", "images/s", "ratio", "max difference", "MB")
    ]
    for row in rows:
        times = (f"{t:.1f}" for t in (row.latency_ms_median, row.latency_ms_p10, row.latency_ms_p90))
        memory = "" if row.memory_mb is None else f"{row.memory_mb:.0f}"
        numbers = f"{row.images_per_second:.2f}", f"{row.ratio_to_baseline:.2f}", f"{row.max_difference:.1e}"
        cells.append((row.backend, row.precision, *times, *numbers, memory))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  " + "  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    )
