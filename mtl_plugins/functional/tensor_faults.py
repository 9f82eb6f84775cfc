import torch
from torch import Tensor

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def tensor_fault(tensor: Tensor, values: bool = True) -> str | None:
    """What is wrong with a tensor that was read from a file; None if nothing is.

    Args:
        tensor: The tensor.
        values: Whether to check that floating-point values are finite.

    Returns:
        The fault, such as `"it is complex"`. Sparse, quantized, nested and meta tensors, complex numbers, 8-bit floats
        and memory that overlaps itself are faults.
    """
    if tensor.is_nested:
        return "it is a nested tensor"
    if tensor.layout != torch.strided:
        return f"it is sparse ({str(tensor.layout).removeprefix('torch.')})"
    if tensor.is_meta:
        return "it has no values (device meta)"
    if tensor.is_quantized:
        return "it is quantized"
    if tensor.is_complex():
        return "it is complex"
    if tensor.dtype not in (*FLOATS, *INTEGERS, torch.bool):
        return f"its type is {str(tensor.dtype).removeprefix('torch.')}"
    if type(tensor) not in (Tensor, torch.nn.Parameter):
        return f"it is a {type(tensor).__name__}"
    if overlaps(tensor):
        return "its elements share memory"
    if values and tensor.dtype in FLOATS:
        return non_finite(tensor)
    return None


def weight_fault(value: object, own: object) -> str | None:
    """Why a value from a file cannot replace a weight of a model; None if it can.

    Args:
        value: The value.
        own: The model's weight.
    """
    if not isinstance(own, Tensor):  # extra state of a module
        return None if type(value) is type(own) else "it has another type than in the model"
    if not isinstance(value, Tensor):
        return f"it is {'None' if value is None else f'a {type(value).__name__}'}, not a tensor"
    fault = tensor_fault(value, values=False)
    if fault is not None:
        return None if fault == tensor_fault(own, values=False) else fault
    floating = value.dtype in FLOATS
    if floating != own.is_floating_point() and value.numel() > 1:
        kinds = [str(dtype).removeprefix("torch.") for dtype in (value.dtype, own.dtype)]
        return f"it has the type {kinds[0]}, the model {kinds[1]}"
    if floating and own.is_floating_point():
        fault = non_finite(value.to(own.dtype))
        return fault if fault and (own.is_meta or non_finite(own) is None) else None
    return non_finite(value) if floating else None


def overlaps(tensor: Tensor) -> bool:
    """Whether several elements of a tensor are the same memory, as after `expand`."""
    extent = 1
    for stride, size in sorted((stride, size) for size, stride in zip(tensor.shape, tensor.stride(), strict=True)):
        if size > 1:
            if stride < extent:
                return True
            extent = stride * (size - 1) + extent
    return False


def non_finite(tensor: Tensor) -> str | None:
    """How many elements are NaN or infinite; None if all are finite."""
    # the sum is finite unless an element is not, or the sum overflows; it is several times faster than isfinite
    if tensor.numel() == 0 or bool(tensor.sum(dtype=torch.float64).isfinite()):
        return None
    wrong = int((~tensor.isfinite()).sum())
    return f"{wrong} of {tensor.numel()} values are NaN or infinite" if wrong else None
