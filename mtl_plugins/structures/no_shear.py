from collections.abc import Sequence

from torch import Tensor


def require_no_shear(inpt: Tensor, shear: Sequence[float]) -> None:
    """Raise TypeError if an affine transform shears a tensor of scene geometry."""
    if any(shear):
        raise TypeError(
            f"affine with shear={list(shear)} is not possible for {type(inpt).__name__}: no camera shows a scene like "
            "that. Set shear=0."
        )
