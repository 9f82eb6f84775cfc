"""Measurements of speed: training, prediction, the data pipeline and the custom kernels.

Contenders are timed alternately within one run (`alternate`); only their ratios are comparable between machines.
"""

from .balancing_benchmark import compare_balancers
from .data_benchmark import compare_reading, measure_data
from .distillation_benchmark import compare_distillation
from .gradient_places import compare_gradient_places
from .kernel_benchmark import compare_kernels
from .latency_benchmark import LatencyRow, LatencySetting, benchmark_latency, format_rows
from .machine import describe_machine
from .measure_speed_accuracy import SpeedAccuracyRow, measure_speed_accuracy
from .neck_benchmark import compare_necks
from .network_cost import count_flops, part_shares
from .runner_benchmark import compare_runner
from .section import Row, Section, format_section
from .step_benchmark import compare_steps
from .timing import alternate, paired_ratio
from .training_benchmark import benchmark_training
from .training_setting import DEFAULT_SIZE, TrainingSetting

__all__ = [
    "DEFAULT_SIZE",
    "LatencyRow",
    "LatencySetting",
    "Row",
    "Section",
    "SpeedAccuracyRow",
    "TrainingSetting",
    "alternate",
    "benchmark_latency",
    "benchmark_training",
    "compare_balancers",
    "compare_distillation",
    "compare_gradient_places",
    "compare_kernels",
    "compare_necks",
    "compare_reading",
    "compare_runner",
    "compare_steps",
    "count_flops",
    "describe_machine",
    "format_rows",
    "format_section",
    "measure_data",
    "measure_speed_accuracy",
    "paired_ratio",
    "part_shares",
]
