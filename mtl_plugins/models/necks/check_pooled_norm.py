from torch import Tensor, nn


def check_pooled_norm(neck: str, norm: nn.Module, x: Tensor) -> None:
    """Check that batch norm can normalise the mean over the image in training.

    Args:
        neck: Class name of the neck, for the message.
        norm: The batch norm behind the pooling.
        x: The feature map that is pooled, (N, C, H, W).

    Raises:
        ValueError: Batch norm is in training mode and the batch has one image.
    """
    # in this order, so that a graph for any batch size does not compare it
    if norm.training and type(norm) is nn.BatchNorm2d and len(x) == 1:
        raise ValueError(
            f"{neck} cannot train on a batch of one image: the mean over the image is a single value per "
            "channel, which batch norm cannot normalise. Set batch_size=2 or more in train_dataloader, or "
            "sync_bn='torch' with several processes."
        )
