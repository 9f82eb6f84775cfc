from typing import Any

import torch
from mmengine.structures import BaseDataElement

from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import TaskData

from ..sample_files import Sample
from .pipeline import check_sample


@TRANSFORMS.register_module()
class PackSample:
    """The last transform of every pipeline: returns `dict(inputs=uint8 (3, H, W), data_samples=BaseDataElement)`.

    `data_samples.gt` is a `TaskData` with the available labels as plain tensors: maps (C, H, W), or (K,) for a label
    of the complete image (`ImageLabel`). The metainfo contains `sample['meta']`, all other items that are no tensors,
    `img_shape`, `ori_shape` (H, W: the size of labels and predictions) and, if known, `intrinsics` (fx, fy, cx, cy).

    Raises:
        ValueError: The image is not uint8 (3, H, W), or a label has another size than `ori_shape`.
    """

    def __call__(self, sample: Sample) -> dict[str, Any]:
        check_sample(sample)
        sample = dict(sample)
        img, meta = sample.pop("img"), dict(sample.pop("meta", {}))
        where = meta.get("img_path", "the image")
        if img.dtype != torch.uint8 or img.ndim != 3 or img.shape[0] != 3:
            raise ValueError(
                f"PackSample expects a uint8 image (3, H, W), but got {img.dtype} {tuple(img.shape)} for {where}. The "
                "data preprocessor converts it to float and normalises it: remove that from the pipeline."
            )
        meta["img_shape"] = tuple(img.shape[-2:])
        meta.setdefault("ori_shape", meta["img_shape"])
        if (intrinsics := sample.pop("intrinsics", None)) is not None:
            meta["intrinsics"] = tuple(intrinsics.tolist())
        labels = {key: value for key, value in sample.items() if isinstance(value, torch.Tensor)}
        meta.update((key, value) for key, value in sample.items() if key not in labels)
        for task, label in labels.items():
            if label.ndim > 1 and tuple(label.shape[-2:]) != meta["ori_shape"]:
                raise ValueError(
                    f"after the pipeline, the {task} label has the size {tuple(label.shape[-2:])}, but "
                    f"{meta['ori_shape']} is expected ({where}). Does each transform apply to this label? ResizeInput, "
                    "which resizes only the image, must come right before PackSample."
                )
        # contiguous: a view would send the complete original image along from the worker
        plain = {task: label.as_subclass(torch.Tensor).contiguous() for task, label in labels.items()}
        data_sample = BaseDataElement(metainfo=meta, gt=TaskData(**plain))
        # channels-last is the layout of the decoder and of the network
        inputs = img.as_subclass(torch.Tensor)[None].contiguous(memory_format=torch.channels_last)[0]
        return dict(inputs=inputs, data_samples=data_sample)
