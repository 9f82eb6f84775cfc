"""What a script calls: read a config, build a model or a Runner, predict, export, write pseudo-labels.

Importing this package also lets mmengine find the presets by name: `mmengine.hub.get_config("mtl_plugins::NAME.py")`.
"""

from .build import build_runner
from .config import load_config
from .export import Export, export_model
from .hub import register_presets
from .inferencer import MultiTaskInferencer
from .init_model import init_model
from .presets import find_config, list_presets
from .publish import Published, publish
from .write_pseudo_labels import datasets_of, write_pseudo_labels

register_presets()

__all__ = [
    "Export",
    "MultiTaskInferencer",
    "Published",
    "build_runner",
    "datasets_of",
    "export_model",
    "find_config",
    "init_model",
    "list_presets",
    "load_config",
    "publish",
    "register_presets",
    "write_pseudo_labels",
]
