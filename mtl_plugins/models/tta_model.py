from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseTTAModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from mtl_plugins.registry import MODELS
from mtl_plugins.unwrap_model import unwrap_model

from .forward_pass import Outputs
from .heads import head_method


@MODELS.register_module()
class MultiTaskTTAModel(BaseTTAModel):
    """Test-time augmentation: predictions averaged over mirrored and zoomed views of the image.

    Class probabilities, metres and unit vectors are averaged. Depth and normals of a zoomed view belong to a nearer
    scene, as in training (`RandomZoom`); they are converted back first. mmengine's `PrepareTTAHook` wraps a trained
    `MultiTaskModel` in this class, for example in `mtl test --tta`.

    Args:
        module: The model, which may be wrapped for distributed training, or its config.
        flip: Whether to add the mirror image of each view.
        scales: Factors of the image size, one view each.
        data_preprocessor: As in mmengine's `BaseTTAModel`.

    Raises:
        ValueError: `scales` is empty or has a factor that is not positive.
    """

    def __init__(
        self,
        module: nn.Module | dict,
        flip: bool = True,
        scales: Sequence[float] = (1.0,),
        data_preprocessor: nn.Module | dict | None = None,
    ):
        module = unwrap_model(module) if isinstance(module, nn.Module) else module
        super().__init__(module, data_preprocessor)
        if not scales or min(scales) <= 0:
            raise ValueError(f"MultiTaskTTAModel: scales={list(scales)} must have at least one factor, each above 0.")
        self.flip, self.scales = flip, tuple(scales)

    @torch.no_grad()
    def test_step(self, data: dict) -> list[BaseDataElement]:
        """The samples of a batch, each with `.pred`."""
        data = self.module.data_preprocessor(data, False)
        return self.module.predict(data["inputs"], data["data_samples"], self.predict_maps)

    val_step = test_step

    def predict_maps(self, images: Tensor, size: tuple[int, int], dataset: str | None) -> dict[str, Outputs]:
        """Predictions by task, as from `MultiTaskModel.predict_maps`."""
        flips = (False, True) if self.flip else (False,)
        views = [self._scores(images, size, dataset, scale, flip) for scale in self.scales for flip in flips]
        heads = self.module.heads.items()
        return {
            task: head_method(head, "from_scores")(self.merge_preds([view[task] for view in views]))
            for task, head in heads
        }

    def merge_preds(self, data_samples_list: list[Outputs]) -> Any:
        """The mean of the views' scores."""
        return tree_map(lambda *scores: torch.stack(scores).mean(0), *data_samples_list)

    def _scores(self, images, size, dataset, scale, flip):
        if scale != 1:
            view = [max(1, round(n * scale)) for n in images.shape[-2:]]
            images = F.interpolate(images, view, mode="bilinear", align_corners=False, antialias=scale < 1)
        found = self.module.predict_scores(images.flip(-1) if flip else images, size, dataset)
        for task, head in self.module.heads.items():
            scores = found[task]
            for leaf in tree_leaves(scores):
                if not leaf.is_floating_point():
                    raise TypeError(
                        f"the head of {task} ({type(head).__name__}) predicts {leaf.dtype}, which cannot be averaged: "
                        f"set its kind (kind = 'classes' for class ids), or implement scores(outputs, size), which "
                        f"returns floating-point values, and from_scores(scores)."
                    )
            scores = head_method(head, "undo_zoom")(scores, scale) if scale != 1 else scores
            found[task] = head_method(head, "undo_mirror")(scores) if flip else scores
        return found
