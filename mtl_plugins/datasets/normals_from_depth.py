import torch

from mtl_plugins.functional import depth_to_normals
from mtl_plugins.structures import NormalMap

from .readers import none_if_empty
from .sample_files import Sample


def turn_depth_into_normals(sample: Sample, task: str) -> None:
    """Replace the depth map that was read for `task` by its normals, in place; see `depth_to_normals`.

    The label is removed if no pixel has a valid normal.

    Args:
        sample: A sample with `intrinsics` and the depth map under `task`.
        task: The name of the normals.
    """
    depth, camera = (sample[key].as_subclass(torch.Tensor) for key in (task, "intrinsics"))
    path = sample["meta"]["label_paths"][task]
    normals = none_if_empty(NormalMap(depth_to_normals(depth, camera)), path, "depth without any valid normal")
    if normals is None:
        del sample[task], sample["meta"]["label_paths"][task]
    else:
        sample[task] = normals
