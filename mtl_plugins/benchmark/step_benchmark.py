"""The speed of a config's training step, compared with a plain PyTorch step."""

import copy
import time
from collections.abc import Callable, Sequence

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper

from mtl_plugins.kernels import without_kernels
from mtl_plugins.models import MultiTaskModel
from mtl_plugins.registry import OPTIMIZERS

from .section import Section, to_rows
from .stopwatch import Stopwatch
from .timing import alternate, contender, synchronizer
from .training_setting import TrainingSetting


def compare_steps(
    cfg: Config,
    model: MultiTaskModel,
    optim_wrapper: OptimWrapper,
    samples: Sequence[dict],
    setting: TrainingSetting,
) -> Section:
    """Compare the config's training step with a plain step of the same network on the same batch.

    Args:
        cfg: The config.
        model: Its model, which is trained, and compiled if the config says so.
        optim_wrapper: Its optimizer wrapper.
        samples: One batch of packed samples.
        setting: Number of steps and rounds.
    """
    batch = pseudo_collate(samples)
    plain = plain_step(cfg, copy.deepcopy(model), samples)
    if options := cfg.get("compile"):
        model.compile_network(**(options if isinstance(options, dict) else {}))
    contenders = {
        "plain": contender(plain, model, keep_memory=False),
        "ours": contender(lambda: model.train_step(batch, optim_wrapper), model, keep_memory=True),
    }
    rows = to_rows(alternate(contenders, setting.rounds, setting.steps), len(samples), "train: ")
    shares = step_shares(model, optim_wrapper, batch, setting.rounds * setting.steps)
    height, width = setting.size
    dtype = str(getattr(optim_wrapper, "dtype", torch.float32)).removeprefix("torch.")
    parts = ", ".join(f"{part} {100 * share:.0f} %" for part, share in shares.items())
    notes = (
        f"plain: eager, NCHW, float32, unfused {type(optim_wrapper.optimizer).__name__}, the C library's default "
        f"memory settings; ours: the config's settings ({dtype})",
        *([f"parts of ours: {parts}"] if parts else []),
    )
    figures: dict[str, float | bool] = {f"share_{part}": share for part, share in shares.items()}
    return Section(f"Training step, {height}x{width}, batch {len(samples)}", rows, figures, notes)


def plain_step(cfg: Config, model: MultiTaskModel, samples: Sequence[dict]) -> Callable[[], torch.Tensor]:
    """A training step as written by hand: NCHW, float32, no autocast, an unfused optimizer and no custom kernels.

    It shares only the network, the losses, the kind of optimizer and the gradient clipping with the config.

    Args:
        cfg: The config.
        model: A copy of its model; the step trains it.
        samples: One batch of packed samples.

    Returns:
        A function that runs one step and returns the loss.
    """
    model = model.to(memory_format=torch.contiguous_format)
    parameters = list(model.parameters())
    device = parameters[0].device
    options = {key: value for key, value in cfg.optim_wrapper.optimizer.items() if key not in ("fused", "foreach")}
    optimizer = OPTIMIZERS.build(dict(options, params=parameters))
    clip = cfg.optim_wrapper.get("clip_grad")
    preprocessor = model.data_preprocessor
    mean, scale = getattr(preprocessor, "mean", 0.0), getattr(preprocessor, "scale", 1 / 255)
    labels = [sample["data_samples"] for sample in samples]

    @without_kernels()
    def step() -> torch.Tensor:
        images = torch.stack([sample["inputs"] for sample in samples]).contiguous().to(device)
        images = (images.float() - mean) * scale
        losses = model(images, [label.to(device) for label in labels], mode="loss")
        loss, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(parameters, **{k: v for k, v in clip.items() if k != "type"})
        optimizer.step()
        return loss.detach()

    return step


def step_shares(model: MultiTaskModel, optim_wrapper: OptimWrapper, batch: dict, steps: int) -> dict[str, float]:
    """Shares of the time of `train_step`, from 0 to 1.

    Args:
        model: The model.
        optim_wrapper: Its optimizer wrapper.
        batch: A collated batch.
        steps: Number of steps to time.

    Returns:
        The shares of `preprocess`, `forward`, `backward`, `optimiser` (with gradient clipping) and `rest`.
    """
    synchronize = synchronizer(model)
    parts = [
        ("preprocess", model.data_preprocessor, "forward"),
        ("forward", model, "_run_forward"),
        ("backward", optim_wrapper, "backward"),
        ("optimiser", optim_wrapper, "step"),
        ("optimiser", optim_wrapper, "zero_grad"),
    ]
    start = time.perf_counter()
    with Stopwatch(synchronize).watching(parts) as watch:
        for _ in range(steps):
            model.train_step(batch, optim_wrapper)
    synchronize()
    total = time.perf_counter() - start
    shares = {part: seconds / total for part, seconds in watch.seconds.items()}
    return {**shares, "rest": max(0.0, 1 - sum(shares.values()))}
