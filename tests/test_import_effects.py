"""Importing this package changes nothing for other users of mmengine and PyTorch in the process."""

import subprocess
import sys

CODE = """
import io, logging, sys, warnings
import matplotlib, numpy, torch, torch._dynamo
import mmengine.registry
from PIL import Image, ImageFile
from mmengine.fileio import backends
from mmengine.fileio.backends import registry_utils
from mmengine.runner import CheckpointLoader, Runner
import mmengine.hub, mmengine.visualization, mmengine.evaluator, mmengine.dataset, mmengine.infer, mmengine.model

REGISTRIES = [value for value in vars(mmengine.registry).values() if isinstance(value, mmengine.registry.Registry)]


def state():
    for registry in REGISTRIES:
        registry.import_from_location()
    return dict(
        loaders={scheme: loader.__qualname__ for scheme, loader in CheckpointLoader._schemes.items()},
        registries=[dict(registry.module_dict) for registry in REGISTRIES],
        backends={name: kind for name, kind in registry_utils.backends.items() if name != "atomic_local"},
        prefixes=dict(registry_utils.prefix_to_backends),
        safe_globals=torch.serialization.get_safe_globals(),
        dtype=torch.get_default_dtype(),
        threads=torch.get_num_threads(),
        determinism=(torch.backends.cudnn.benchmark, torch.are_deterministic_algorithms_enabled()),
        numpy_errors=numpy.geterr(),
        matplotlib=(dict(matplotlib.rcParams), matplotlib.get_backend(auto_select=False)),
        pillow=(Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES),
        root_logger=(logging.root.level, list(logging.root.handlers)),
        scope=mmengine.registry.DefaultScope._instance_dict.copy(),
        path=list(sys.path),
        load=(torch.load, Runner.load_checkpoint),
    )


before = state()
import importlib, pkgutil
import mtl_plugins, registry
for module in pkgutil.walk_packages(mtl_plugins.__path__, "mtl_plugins."):
    if not module.name.endswith("__main__") and ".configs" not in module.name:
        importlib.import_module(module.name)
after = state()
print([key for key in before if before[key] != after[key]])
"""


def test_importing_all_modules_leaves_global_state_unchanged(root):
    done = subprocess.run([sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
