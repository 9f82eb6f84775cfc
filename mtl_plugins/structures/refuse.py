from collections.abc import Callable
from typing import Any

from torch import Tensor
from torchvision.transforms.v2.functional import register_kernel


def refuse(functional: Callable[..., Any], tensor_type: type[Tensor], reason: str) -> Callable[..., Any]:
    """Make a functional raise TypeError for a tensor type; torchvision would return the tensor unchanged.

    Args:
        functional: A function of `torchvision.transforms.v2.functional`.
        tensor_type: The type of the tensors.
        reason: Why the functional is impossible, for the error message.

    Returns:
        The registered kernel.
    """

    @register_kernel(functional, tensor_type)
    def kernel(inpt: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        name = type(inpt).__name__
        raise TypeError(
            f"{functional.__name__} is not possible for {name}: {reason}. Remove this transform from the pipeline, or "
            f"the {name} from the sample."
        )

    return kernel
