"""Kinds of tasks: what the values of a map mean, and so how it is averaged, mirrored, stored and painted.

One file per kind; `Kind.paint` calls the functions of `functional/painting.py`, such as `paint_depth`. A custom kind is
one file outside the package: a subclass of `Kind`, decorated with `register_kind`.
"""

from .classes import Classes
from .image_classes import ImageClasses
from .image_numbers import ImageNumbers
from .kind import Kind
from .kind_registry import find_kind, kind_of_task, kinds_of_heads, list_kinds, register_kind, task_title
from .label_options import DEFAULT_OPTIONS, LabelOptions
from .meta_of_model import meta_of_model
from .metric_depth import MetricDepth
from .metric_direction import higher_is_better, is_headline, metric_unit, publish_scores, split_metric
from .numbers import Numbers
from .painted import ColourBar, Painted
from .panoptic import Panoptic
from .probability import Probability
from .task_meta import class_lists, head_meta, meta_of_dataset, meta_of_task, require_dataset
from .unit_vectors import UnitVectors

__all__ = [
    "DEFAULT_OPTIONS",
    "Classes",
    "ColourBar",
    "ImageClasses",
    "ImageNumbers",
    "Kind",
    "LabelOptions",
    "MetricDepth",
    "Numbers",
    "Painted",
    "Panoptic",
    "Probability",
    "UnitVectors",
    "class_lists",
    "find_kind",
    "head_meta",
    "higher_is_better",
    "is_headline",
    "kind_of_task",
    "kinds_of_heads",
    "list_kinds",
    "meta_of_dataset",
    "meta_of_model",
    "meta_of_task",
    "metric_unit",
    "publish_scores",
    "register_kind",
    "require_dataset",
    "split_metric",
    "task_title",
]
