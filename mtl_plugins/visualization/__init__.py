"""Pictures of predictions and of training: panels, video frames, curves, the visualizer and its hooks.

How a kind of map is painted is decided in `mtl_plugins.kinds`; the functions that paint are in `functional.painting`.
"""

from mtl_plugins.functional.painting import paint_classes, paint_depth, paint_generic, paint_normals
from mtl_plugins.functional.palette import VOID_COLOUR, make_palette

from .compare_runs import RunCurve, plot_runs, read_runs
from .curves import plot_curves
from .curves_hook import CurvesHook
from .panel import draw_panel
from .panel_hook import PanelHook
from .plot_comparison import plot_comparison
from .plot_speed_accuracy import plot_speed_accuracy
from .scalars import join_scalars, read_scalars
from .summary import markdown_table, mean_and_spread, summary_table, text_table
from .summary_hook import SummaryHook
from .task_painters import ColourBar, Painted, paint_task, register_task_painter
from .visualizer import MultiTaskVisualizer, write_picture
from .worst_images_hook import WorstImagesHook

__all__ = [
    "VOID_COLOUR",
    "ColourBar",
    "CurvesHook",
    "MultiTaskVisualizer",
    "Painted",
    "PanelHook",
    "RunCurve",
    "SummaryHook",
    "WorstImagesHook",
    "draw_panel",
    "join_scalars",
    "make_palette",
    "markdown_table",
    "mean_and_spread",
    "paint_classes",
    "paint_depth",
    "paint_generic",
    "paint_normals",
    "paint_task",
    "plot_comparison",
    "plot_curves",
    "plot_runs",
    "plot_speed_accuracy",
    "read_runs",
    "read_scalars",
    "register_task_painter",
    "summary_table",
    "text_table",
    "write_picture",
]
