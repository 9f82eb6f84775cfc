"""How fast a config trains: its step, teachers, the Runner and the data pipeline."""

from collections.abc import Iterator

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mtl_plugins.registry import SCOPE

from .data_benchmark import compare_reading, measure_data
from .distillation_benchmark import compare_distillation, distillation_config
from .runner_benchmark import compare_runner
from .section import Section
from .step_benchmark import compare_steps
from .synthetic_samples import synthetic_samples
from .training_setting import TrainingSetting, build_training, without_validation


def benchmark_training(cfg: Config, setting: TrainingSetting) -> Iterator[Section]:
    """Yield one section after another: training step, teachers (if there are any), Runner, data, reading.

    Args:
        cfg: The config to measure.
        setting: Image size, batch size, steps and rounds.
    """
    cfg = without_validation(cfg)
    init_default_scope(cfg.get("default_scope", SCOPE))
    model, optim_wrapper = build_training(cfg)
    samples = synthetic_samples(model, setting)
    train = compare_steps(cfg, model, optim_wrapper, samples, setting)
    yield train
    if hook := distillation_config(cfg):
        yield compare_distillation(hook, model, optim_wrapper, samples, setting)
    yield compare_runner(cfg, model, optim_wrapper, samples, setting)
    yield measure_data(cfg, setting, train.rows[-1].images_per_second)
    yield compare_reading(cfg, setting)
