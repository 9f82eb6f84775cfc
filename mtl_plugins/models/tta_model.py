from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseTTAModel
from mmengine.structures import BaseDataElement
from torch import Tensor

from mtl_plugins.registry import MODELS


@MODELS.register_module()
class MultiTaskTTAModel(BaseTTAModel):
    """Test-time augmentation: answers averaged over views of the image, mirrored and zoomed.

    Class probabilities, metres and unit vectors are averaged; a zoomed view's depth and normals are those of a nearer
    scene, as in training (``RandomZoom``), and are brought back first. mmengine's ``PrepareTTAHook`` and
    ``tools/test.py --tta`` put it around a trained ``MultiTaskModel``.

    Args:
        module: The model, or its config.
        flip: Whether each view is mirrored too.
        scales: Factors of the image's size.
    """

    def __init__(self, module, flip: bool = True, scales: Sequence[float] = (1.0,), data_preprocessor=None):
        super().__init__(module, data_preprocessor)
        if not scales or min(scales) <= 0:
            raise ValueError(f"MultiTaskTTAModel: scales={list(scales)}: at least one factor, each above 0.")
        self.flip, self.scales = flip, tuple(scales)

    @torch.no_grad()
    def test_step(self, data: dict) -> list[BaseDataElement]:
        data = self.module.data_preprocessor(data, False)
        return self.module.predict(data["inputs"], data["data_samples"], self.predict_maps)

    val_step = test_step

    def predict_maps(self, images: Tensor, size: tuple[int, int], dataset: str | None) -> dict[str, Tensor]:
        """``{task: map}`` as the model's own method gives them."""
        views = [self._scores(images, size, dataset, scale, flip) for scale in self.scales for flip in self._flips()]
        return {task: head.answer(self.merge_preds([view[task] for view in views])) for task, head in self._heads()}

    def merge_preds(self, data_samples_list: list[Tensor]) -> Tensor:
        """The mean of the views' scores."""
        return torch.stack(data_samples_list).mean(0)

    def _flips(self):
        return (False, True) if self.flip else (False,)

    def _heads(self):
        return self.module.heads.items()

    def _scores(self, images, size, dataset, scale, flip):
        if scale != 1:
            view = [max(1, round(n * scale)) for n in images.shape[-2:]]
            images = F.interpolate(images, view, mode="bilinear", align_corners=False, antialias=scale < 1)
        found = self.module.predict_scores(images.flip(-1) if flip else images, size, dataset)
        for task, head in self._heads():
            scores = found[task]
            if not scores.is_floating_point():
                raise TypeError(
                    f"the head of {task} ({type(head).__name__}) predicts {scores.dtype}, which cannot be averaged: "
                    f"give it scores(outputs, size), floating point, and answer(scores)."
                )
            scores = head.undo_zoom(scores, scale) if scale != 1 else scores
            found[task] = head.undo_mirror(scores) if flip else scores
        return found
