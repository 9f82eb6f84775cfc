"""Kullback-Leibler divergence between the classes of a teacher and a student."""

import torch.nn.functional as F
from torch import Tensor

from .masking import zero_loss


def kl_divergence(prediction: Tensor, target: Tensor, temperature: float = 1.0) -> Tensor:
    """Mean over all pixels of KL(teacher || student), for knowledge distillation (Hinton et al., 2015).

    Both logits are divided by `temperature`. The loss is multiplied by its square, which keeps the size of the
    gradients.

    Args:
        prediction: The student's logits, (N, C, H, W).
        target: The teacher's logits, (N, C, H, W).
        temperature: Above 1, the distributions are softer.

    Raises:
        ValueError: The shapes differ.
    """
    if target.shape != prediction.shape:
        raise ValueError(
            f"the teacher's logits have shape {tuple(target.shape)}, the student's {tuple(prediction.shape)}: "
            "soft targets need the same classes and the same stride. Use hard labels if they differ"
        )
    if prediction.numel() == 0:
        return zero_loss(prediction)
    student = F.log_softmax(prediction / temperature, dim=1)
    teacher = F.log_softmax(target.to(prediction.dtype) / temperature, dim=1)
    pixels = prediction.numel() // prediction.shape[1]
    return F.kl_div(student, teacher, reduction="sum", log_target=True) * temperature**2 / pixels
