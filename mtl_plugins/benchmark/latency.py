"""How fast a network predicts: every backend against the plain network, in one run."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mtl_plugins.apis.export import compare
from mtl_plugins.backends import BACKENDS, build_backend
from mtl_plugins.engine.optim_wrapper import resolve_precision
from mtl_plugins.kernels import without_kernels
from mtl_plugins.models import InferenceNetwork, MultiTaskModel

from .timing import WARM_UP, Section, Stopwatch, alternate, contender, paired_ratio, synchronizer

BASELINE = "eager NCHW"
_RANDOM_IMAGES = 16


@dataclass(frozen=True)
class LatencyRow:
    """One backend at one size.

    Args:
        latency_ms_median, latency_ms_p10, latency_ms_p90: Of one batch, images in, raw outputs out.
        ratio_to_baseline: Median over the rounds of (baseline's time / this one's), the two measured in turn.
        images_per_second: ``batch`` / median.
        max_difference: From the baseline's answer, as a share of its range; the largest of the tasks.
        memory_mb: What the process (or the GPU) holds at its peak more than before, weights included; ``None`` where
            the system does not tell.
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
    """What is measured: each backend in each of its precisions, in ``rounds`` turns of ``steps`` batches.

    ``as_written``: the network that backends are given is not rearranged, see ``InferenceNetwork``.
    """

    sizes: Sequence[tuple[int, int]] = ((480, 640),)
    batches: Sequence[int] = (1,)
    backends: Sequence[str] | None = None
    precisions: Sequence[str] | None = None
    steps: int = 3
    rounds: int = 5
    as_written: bool = False

    def __post_init__(self):
        unknown = sorted(set(self.backends or ()) - set(BACKENDS))
        if unknown:
            raise ValueError(f"there is no backend {unknown[0]!r}: choose of {', '.join(BACKENDS)}.")
        known = {precision for backend in BACKENDS.values() for precision in backend.precisions}
        if strange := sorted(set(self.precisions or ()) - known):
            raise ValueError(f"there is no precision {strange[0]!r}: choose of {', '.join(sorted(known))}.")
        if min(self.steps, self.rounds, *self.batches, *(n for size in self.sizes for n in size)) < 1:
            raise ValueError("sizes, batches, steps and rounds are 1 or more.")


def benchmark_latency(
    model: MultiTaskModel, setting: LatencySetting, calibration: Sequence[Tensor] | None = None
) -> Iterator[tuple[Section, list[LatencyRow]]]:
    """Yields a section, and its rows, for each size and batch.

    Args:
        model: On the device that it shall be measured on, in evaluation mode.
        calibration: uint8 images (3, H, W), RGB, that int8 takes its ranges from, brought to each size; the first of
            them are then what the differences are told of. Without any, random ones.
    """
    for size in setting.sizes:
        for batch in setting.batches:
            yield _measure(model, tuple(size), batch, setting, calibration)


def _measure(model, size, batch, setting, calibration):
    device = next(model.parameters()).device
    calibration = _calibration(model, calibration, size)
    images = torch.cat(list(islice(cycle(calibration), batch))).to(device)
    plain, network = plain_network(model), InferenceNetwork(model, cheap=False if setting.as_written else None)
    ordered = images.contiguous(memory_format=torch.channels_last)

    @without_kernels()
    @torch.inference_mode()
    def baseline():
        plain(images)

    contenders, differences, memory, notes = {(BASELINE, "float32"): baseline}, {}, {}, []
    for key in _wanted(setting, device):
        options = {} if key[1] != "int8" else dict(calibration=calibration)
        before = held_memory(device)
        try:
            backend = build_backend(key[0], network, size, key[1], batch, **options)
            differences[key] = max(compare(plain, backend, ordered).values())
        except (ImportError, ValueError) as error:
            notes.append(f"{' '.join(key)}: not measured: {str(error).splitlines()[0]}")
            continue
        contenders[key] = partial(backend, ordered)
        memory[key] = peak_memory(device, contenders[key]) - before if before is not None else None
    timed = {key: contender(call, model, keep_memory=key[0] != BASELINE) for key, call in contenders.items()}
    times = alternate(timed, setting.rounds, setting.steps)
    rows = [_row(key, times, size, batch, differences.get(key, 0.0), memory.get(key)) for key in contenders]
    figures = dict(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        flops=count_flops(model, ordered),
        **{f"share_{part}": share for part, share in part_shares(model, ordered, setting.steps).items()},
    )
    title = f"Prediction, {size[0]}x{size[1]}, batch {batch}"
    return Section(title, (), figures, (*_told_figures(figures), *notes)), rows


def plain_network(model: MultiTaskModel) -> InferenceNetwork:
    """The network as its authors run it: nothing rearranged, NCHW, float32."""
    network = InferenceNetwork(model, cheap=False)
    for parameter in network.parameters():
        parameter.data = parameter.data.contiguous()
    return network


def _wanted(setting, device):
    """(backend, precision) pairs; by default those that the hardware has natively."""
    native = {"float32", "int8"}
    if resolve_precision("auto", device.type) == torch.bfloat16:
        native |= {"bf16"}
    if device.type == "cuda":
        native |= {"fp16"}
    for name in setting.backends or [name for name in BACKENDS if BACKENDS[name].is_available()]:
        for precision in BACKENDS[name].precisions:
            if precision in (setting.precisions or native):
                yield name, precision


def _calibration(model, given, size):
    """Normalised images, each (1, 3, *size), on the CPU."""
    if not given:
        generator = torch.Generator().manual_seed(0)
        return [torch.randn(1, 3, *size, generator=generator) for _ in range(_RANDOM_IMAGES)]
    device = next(model.parameters()).device
    batches = (model.data_preprocessor.normalise(image[None].to(device)).cpu() for image in given)
    return [F.interpolate(batch, size, mode="bilinear", align_corners=False, antialias=True) for batch in batches]


def _row(key, times, size, batch, difference, memory):
    seconds = sorted(second for turn in times[key] for second in turn)
    ratio = paired_ratio(next(iter(times.values())), times[key])
    middle = median(seconds)
    low, high = (quantiles(seconds, n=10)[i] for i in (0, -1)) if len(seconds) > 1 else (middle, middle)
    return LatencyRow(
        *key, *size, batch, 1e3 * middle, 1e3 * low, 1e3 * high, ratio, batch / middle, difference, memory
    )


# Memory


def held_memory(device: torch.device) -> float | None:
    """What the process, or the GPU, holds now, in MB (2**20); ``None`` where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device) / 2**20
    return _status("VmRSS")


def peak_memory(device: torch.device, call: Callable[[], object]) -> float:
    """The most that is held during a call, in MB (2**20)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        call()
        return torch.cuda.max_memory_allocated(device) / 2**20
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew (man 5 proc)
    call()
    return _status("VmHWM")


def _status(name):
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith(name + ":")), None)


# What the time goes into


def _told_figures(figures):
    parts = {name.removeprefix("share_"): value for name, value in figures.items() if name.startswith("share_")}
    return (
        f"{figures['parameters'] / 1e6:.2f} million parameters, {figures['flops'] / 1e9:.2f} GFLOP a batch (multiply "
        "and add counted apart)",
        "parts of eager channels-last: " + ", ".join(f"{part} {100 * share:.0f} %" for part, share in parts.items()),
    )


@torch.inference_mode()
def count_flops(model: MultiTaskModel, images: Tensor) -> int:
    """Floating-point operations of a forward pass, a multiplication and an addition counted apart."""
    with FlopCounterMode(display=False) as counter, without_kernels():
        model.outputs(images)
    return counter.get_total_flops()


@torch.inference_mode()
def part_shares(model: MultiTaskModel, images: Tensor, steps: int = 3) -> dict[str, float]:
    """Shares, 0 ... 1, of backbone, neck, each head and the maps at image size in eager prediction."""
    watch, dataset = Stopwatch(synchronizer(model)), next(iter(model.datasets), None)
    parts = [("backbone", model.backbone, "forward"), ("neck", model.neck, "forward")]
    parts += [(task, head, "forward") for task, head in model.heads.items()]
    parts += [(f"{task} at image size", head, "predict") for task, head in model.heads.items()]
    with watch.watching([part for part in parts if part[1] is not None]):
        for step in range(WARM_UP + steps):
            if step == WARM_UP:
                watch.seconds.clear()
            model.predict_maps(images, tuple(images.shape[-2:]), dataset)
    total = sum(watch.seconds.values())
    return {part: seconds / total for part, seconds in watch.seconds.items()}


def format_rows(rows: Sequence[LatencyRow]) -> str:
    """A table for people."""
    cells = [("backend", "precision", "ms", "p10", "p90", "images/s", "ratio", "max difference", "MB")]
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
