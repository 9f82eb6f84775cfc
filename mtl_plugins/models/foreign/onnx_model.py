from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.registry import MODELS

from .foreign_model import ForeignModel


@MODELS.register_module()
class OnnxModel(ForeignModel):
    """An ONNX file, run by ONNX Runtime (``pip install onnxruntime``).

    Its first input takes images (N, 3, H, W), float32 or float16; where height and width are fixed, images are
    resized, and where the batch is fixed, they go in that many at a time. An output of class ids (N, H, W) or
    (N, 1, H, W), integers, counts as sure.

    Args:
        file: The ``.onnx`` file.
        tasks: ``{task: kind}``, see `ForeignModel`.
        outputs: ``{task: name of the output}``; not needed where the names are the tasks', or there is one of each.
        num_classes: Needed where class ids come out.
        data_preprocessor: The network's mean and std; ImageNet's by default. Where normalisation is in the file:
            ``dict(type='MultiTaskDataPreprocessor', mean=(0, 0, 0), std=(1, 1, 1))`` gives 0 ... 1.
        providers: Of ONNX Runtime; by default all that it has.
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
        self.input = self.session.get_inputs()[0]
        if "float" not in self.input.type:
            raise ValueError(
                f"OnnxModel: {file} takes {self.input.type}, but a teacher's file takes floating point images: "
                f"export it without --end-to-end."
            )
        self.outputs = self._match(outputs or {})
        self.num_classes = num_classes
        batch, _, *size = self.input.shape
        self.batch = batch if isinstance(batch, int) else None
        self.size = tuple(size) if all(isinstance(n, int) for n in size) else None

    def _match(self, given):
        names = [output.name for output in self.session.get_outputs()]
        if not given and len(names) == len(self.tasks) == 1:
            return {self.tasks[0]: names[0]}
        matched = {task: given.get(task, task) for task in self.tasks}
        wrong = {task: name for task, name in matched.items() if name not in names}
        if wrong:
            raise ValueError(
                f"OnnxModel: the file has the outputs {names}, none of them is {wrong}: "
                f"tell which is which with outputs=dict({self.tasks[0]}={names[0]!r})."
            )
        return matched

    def raw(self, images: Tensor) -> dict[str, Tensor]:
        if self.size is not None and tuple(images.shape[-2:]) != self.size:
            images = F.interpolate(images, self.size, mode="bilinear", align_corners=False)
        dtype = torch.float16 if "float16" in self.input.type else torch.float32
        parts = [self._run(part.to("cpu", dtype)) for part in images.split(self.batch or len(images))]
        found = [torch.from_numpy(np.concatenate(arrays)).to(images.device) for arrays in zip(*parts, strict=True)]
        return {task: self._logits(value) for task, value in zip(self.outputs, found, strict=True)}

    def _run(self, images):
        missing = (self.batch or len(images)) - len(images)  # a fixed batch is filled up
        fed = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)]) if missing else images
        answers = self.session.run(list(self.outputs.values()), {self.input.name: fed.contiguous().numpy()})
        return [answer[: len(images)] for answer in answers]

    def _logits(self, value):
        if value.ndim == 3:
            value = value[:, None]
        if value.is_floating_point():
            return value
        if self.num_classes is None:
            raise ValueError("OnnxModel: class ids come out of the file, so num_classes must be given.")
        ids = value[:, 0].long().clamp(0, self.num_classes - 1)
        return 100.0 * F.one_hot(ids, self.num_classes).permute(0, 3, 1, 2)  # a softmax of these is 1 or 0


def _open(file, providers):
    if not file.is_file():
        raise FileNotFoundError(f"OnnxModel: there is no file {file}.")
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("an ONNX teacher needs ONNX Runtime: pip install onnxruntime") from error
    try:
        return onnxruntime.InferenceSession(str(file), providers=providers or onnxruntime.get_available_providers())
    except Exception as error:  # its errors share no class of their own
        raise ValueError(f"OnnxModel: ONNX Runtime can't open {file}: {str(error).splitlines()[0]}") from error
