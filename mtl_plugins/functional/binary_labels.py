"""Labels of two values, such as edges and saliency."""

from torch import Tensor

from mtl_plugins.label_spaces import VOID


def valid_binary(label: Tensor) -> Tensor:
    """The pixels of a binary label that have a value, in the shape of the label: those that are finite and not 255."""
    return label.isfinite() & (label != VOID)


def require_binary(label: Tensor, what: str) -> None:
    """Check that a label holds only 0, 1 and void.

    Args:
        label: Any shape, integer or floating point.
        what: The label and its image, for the error message.

    Raises:
        ValueError: It holds another value.
    """
    wrong = valid_binary(label) & (label != 0) & (label != 1)
    if wrong.any():
        raise ValueError(
            f"{what}: the label has the value {label[wrong].flatten()[0].item():g} in {int(wrong.sum())} pixels, but "
            f"this evaluation needs a binary map: 0, 1, and {VOID} or NaN for void. Cut soft values at a threshold. "
            "reader='edges' checks the files of edges."
        )
