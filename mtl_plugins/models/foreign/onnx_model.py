import logging
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor

from mtl_plugins.functional.stretch import describe_stretch
from mtl_plugins.registry import MODELS

from .foreign_model import ForeignModel
from .onnx_session import open_onnx


@MODELS.register_module()
class OnnxModel(ForeignModel):
    """An ONNX file, computed by ONNX Runtime (`pip install onnxruntime`).

    Its first input must take images (N, 3, H, W), float32 or float16. If its height and width are fixed, images are
    resized; if its batch size is fixed, batches are split. Integer outputs (N, H, W) or (N, 1, H, W) are class ids with
    probability 1.

    Args:
        file: Path of the `.onnx` file.
        tasks: Kind of each task by name (see `ForeignModel`).
        outputs: Name of the output of each task. Not needed if outputs and tasks have the same names, or if there is
            one of each.
        num_classes: Number of classes, needed for an output of class ids.
        data_preprocessor: Config with the mean and std of the network; ImageNet's by default. If the file contains the
            normalisation, `dict(type='MultiTaskDataPreprocessor', mean=(0, 0, 0), std=(1, 1, 1))` passes 0 ... 1.
        providers: Execution providers of ONNX Runtime; by default all available ones.

    Raises:
        FileNotFoundError: The file does not exist.
        ImportError: ONNX Runtime is not installed.
        ValueError: The file cannot be read, takes no floating-point images, or has no output for a task.
    """

    def __init__(
        self,
        file: str | Path,
        tasks: dict[str, str],
        outputs: dict[str, str] | None = None,
        num_classes: int | None = None,
        data_preprocessor: dict | None = None,
        providers: list[str] | None = None,
    ):
        super().__init__(tasks, data_preprocessor)
        self.session = _open(Path(file).expanduser(), providers)
        inputs = self.session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            shapes = ", ".join(f"{given.name} {given.shape}" for given in inputs) or "nothing"
            raise ValueError(f"OnnxModel: {file} takes {shapes}, but a teacher must take only images (N, 3, H, W).")
        self.input = inputs[0]
        if "float" not in self.input.type:
            raise ValueError(
                f"OnnxModel: {file} takes {self.input.type}, but a teacher must take floating-point images: "
                f"export it without --end-to-end."
            )
        self.outputs = self._match(outputs or {})
        self.num_classes = num_classes
        batch, _, *size = self.input.shape
        self.batch = batch if isinstance(batch, int) else None
        self._has_warned = False
        self.size = tuple(size) if all(isinstance(n, int) for n in size) else None

    def _match(self, given):
        names = [output.name for output in self.session.get_outputs()]
        if not given and len(names) == len(self.tasks) == 1:
            return {self.tasks[0]: names[0]}
        matched = {task: given.get(task, task) for task in self.tasks}
        wrong = {task: name for task, name in matched.items() if name not in names}
        if wrong:
            raise ValueError(
                f"OnnxModel: the file has the outputs {names}, but not {wrong}: "
                f"set outputs=dict({self.tasks[0]}={names[0]!r})."
            )
        return matched

    def raw(self, images: Tensor) -> dict[str, Tensor]:
        if self.size is not None and tuple(images.shape[-2:]) != self.size:
            if not self._has_warned and (stretch := describe_stretch(images.shape[-2:], self.size)):
                self._has_warned = True
                print_log(
                    f"OnnxModel: {stretch}, because the file has a fixed size. Export it for any size, or for the "
                    f"aspect ratio of the images.",
                    "current",
                    logging.WARNING,
                )
            images = F.interpolate(images, self.size, mode="bilinear", align_corners=False)
        dtype = torch.float16 if "float16" in self.input.type else torch.float32
        parts = [self._run(part.to("cpu", dtype)) for part in images.split(self.batch or len(images))]
        found = [torch.from_numpy(np.concatenate(arrays)).to(images.device) for arrays in zip(*parts, strict=True)]
        return {task: self._logits(value) for task, value in zip(self.outputs, found, strict=True)}

    def _run(self, images):
        missing = (self.batch or len(images)) - len(images)  # a fixed batch is padded
        batch = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)]) if missing else images
        names = list(self.outputs.values())
        try:
            outputs = self.session.run(names, {self.input.name: batch.contiguous().numpy()})
        except Exception as error:  # its errors have no common base class
            reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise ValueError(f"OnnxModel: ONNX Runtime cannot compute images {tuple(batch.shape)}: {reason}") from error
        for name, output in zip(names, outputs, strict=True):
            if np.ndim(output) not in (3, 4) or len(output) != len(batch):
                raise ValueError(
                    f"OnnxModel: the output {name} of the file has the shape {np.shape(output)}, but a teacher must "
                    f"return maps (N, K, H, W) or (N, H, W) for {len(batch)} images."
                )
        return [output[: len(images)] for output in outputs]

    def _logits(self, value):
        if value.ndim == 3:
            value = value[:, None]
        if value.is_floating_point():
            return value
        if self.num_classes is None:
            raise ValueError("OnnxModel: the file outputs class ids, so num_classes must be set.")
        ids = value[:, 0].long().clamp(0, self.num_classes - 1)
        return 100.0 * F.one_hot(ids, self.num_classes).permute(0, 3, 1, 2)  # their softmax is 1 or 0


def _open(file, providers):
    if not file.is_file():
        raise FileNotFoundError(f"OnnxModel: the file {file} does not exist.")
    return open_onnx(file, providers)
