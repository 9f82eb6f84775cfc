import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from .no_shear import require_no_shear
from .refuse import refuse


class Intrinsics(tv_tensors.TVTensor):
    """A pinhole camera (fx, fy, cx, cy) in pixels, float32 (4,); pixel centres have integer coordinates.

    It follows the image through crops, resizes, mirroring and rotations, so points computed from depth stay correct.

    Args:
        data: (fx, fy, cx, cy), or the 3x3 camera matrix without skew.
        canvas_size: (H, W) of the image.
    """

    #: (H, W) of the image
    canvas_size: tuple[int, int]

    def __new__(cls, data: Any, *, canvas_size: Sequence[int]) -> "Intrinsics":
        tensor = torch.as_tensor(data, dtype=torch.float32)
        if tensor.shape == (3, 3):
            tensor = tensor[[0, 1, 0, 1], [0, 1, 2, 2]]
        if tensor.shape != (4,):
            raise ValueError(
                f"Intrinsics must be (fx, fy, cx, cy) or a 3x3 matrix, but the shape is {tuple(tensor.shape)}."
            )
        return cls._with_canvas(tensor, canvas_size)

    @classmethod
    def _with_canvas(cls, tensor: Tensor, canvas_size: Sequence[int]) -> "Intrinsics":
        intrinsics = tensor.as_subclass(cls)
        height, width = canvas_size
        intrinsics.canvas_size = int(height), int(width)
        return intrinsics

    @classmethod
    def wrap(cls, tensor: Tensor, like: "Intrinsics", canvas_size: Sequence[int] | None = None) -> "Intrinsics":
        """Convert a tensor to intrinsics with the canvas of `like`, or with another one."""
        return cls._with_canvas(tensor, canvas_size or like.canvas_size)

    @classmethod
    def _wrap_output(cls, output: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        # clone(), to(), detach() keep the type, so they must keep the canvas as well
        output = super()._wrap_output(output, args, kwargs)
        source = next((arg for arg in args if isinstance(arg, cls)), None)
        if isinstance(output, cls) and source is not None:
            output.canvas_size = source.canvas_size
        return output

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]  # as in torchvision's types
        return self._make_repr(canvas_size=self.canvas_size)


def _rewrap(inpt: Intrinsics, fx: float, fy: float, cx: float, cy: float, canvas_size: Sequence[int]) -> Intrinsics:
    out = torch.tensor((fx, fy, cx, cy), dtype=inpt.dtype, device=inpt.device)
    return tv_tensors.wrap(out, like=inpt, canvas_size=canvas_size)


def scaled(inpt: Intrinsics, canvas_size: Sequence[int], focal: tuple[float, float] = (1.0, 1.0)) -> Intrinsics:
    """Scale intrinsics to another canvas.

    Args:
        inpt: The intrinsics.
        canvas_size: The new (H, W).
        focal: Additional factors of fx and fy.
    """
    (fx, fy, cx, cy), (height, width) = inpt.tolist(), canvas_size
    sy, sx = height / inpt.canvas_size[0], width / inpt.canvas_size[1]
    return _rewrap(
        inpt,
        fx * sx * focal[0],
        fy * sy * focal[1],
        (cx + 0.5) * sx - 0.5,
        (cy + 0.5) * sy - 0.5,
        canvas_size,
    )


def _followed_canvas(functional: Callable[..., Tensor], inpt: Intrinsics, *args: Any, **kwargs: Any) -> Sequence[int]:
    """(H, W) of the transformed image, found by transforming an empty image."""
    return functional(torch.zeros(1, *inpt.canvas_size, dtype=torch.uint8), *args, **kwargs).shape[-2:]


@F.register_kernel(F.horizontal_flip, Intrinsics)
def _horizontal_flip(inpt: Intrinsics) -> Intrinsics:
    fx, fy, cx, cy = inpt.tolist()
    return _rewrap(inpt, fx, fy, inpt.canvas_size[1] - 1 - cx, cy, inpt.canvas_size)


@F.register_kernel(F.vertical_flip, Intrinsics)
def _vertical_flip(inpt: Intrinsics) -> Intrinsics:
    fx, fy, cx, cy = inpt.tolist()
    return _rewrap(inpt, fx, fy, cx, inpt.canvas_size[0] - 1 - cy, inpt.canvas_size)


@F.register_kernel(F.crop, Intrinsics)
def _crop(inpt: Intrinsics, top: int, left: int, height: int, width: int) -> Intrinsics:
    fx, fy, cx, cy = inpt.tolist()
    return _rewrap(inpt, fx, fy, cx - left, cy - top, (height, width))


@F.register_kernel(F.center_crop, Intrinsics)
def _center_crop(inpt: Intrinsics, output_size: Any) -> Intrinsics:
    height, width = _followed_canvas(F.center_crop, inpt, output_size=output_size)

    def start(size: int, target: int) -> int:  # torchvision first pads an image that is too small, then rounds
        before = max(target - size, 0) // 2
        return round((max(size, target) - target) / 2) - before

    return _crop(inpt, start(inpt.canvas_size[0], height), start(inpt.canvas_size[1], width), height, width)


@F.register_kernel(F.pad, Intrinsics)
def _pad(inpt: Intrinsics, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Intrinsics:
    padding = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = padding * (4 // len(padding))  # one, two or four numbers
    height, width = inpt.canvas_size
    return _crop(inpt, -top, -left, height + top + bottom, width + left + right)


@F.register_kernel(F.resize, Intrinsics)
def _resize(
    inpt: Intrinsics, size: Any, interpolation: Any = None, max_size: int | None = None, antialias: Any = None
) -> Intrinsics:
    return scaled(inpt, _followed_canvas(F.resize, inpt, size, max_size=max_size))


@F.register_kernel(F.resized_crop, Intrinsics)
def _resized_crop(
    inpt: Intrinsics,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = None,
    antialias: Any = None,
) -> Intrinsics:
    return _resize(_crop(inpt, top, left, height, width), size)


def _similarity(
    inpt: Intrinsics,
    degrees: float,
    canvas_size: Sequence[int],
    scale: float = 1.0,
    translate: Sequence[float] = (0, 0),
    center: Sequence[float] | None = None,
) -> Intrinsics:
    """Intrinsics of an image that is rotated counter-clockwise about `center` (`None`: its middle), scaled and shifted.

    The camera rolls with the image.
    """
    fx, fy, cx, cy = inpt.tolist()
    if abs(fx - fy) > 0.01 * fx and degrees % 90:
        raise ValueError(
            f"An image with fx={fx:g} and fy={fy:g} cannot be rotated with its intrinsics, because its pixels are not "
            "square. Rotate before a resize that changes the aspect ratio, or remove the intrinsics."
        )
    if degrees % 90:
        focal = [math.sqrt(fx * fy)] * 2
    else:
        focal = [fy, fx] if degrees % 180 else [fx, fy]
    (height, width), (out_height, out_width) = inpt.canvas_size, canvas_size
    # torchvision measures `center` from the corner of the image, half a pixel before the first pixel's centre
    px, py = (0, 0) if center is None else (center[0] - width / 2, center[1] - height / 2)
    x, y = cx - (width - 1) / 2 - px, cy - (height - 1) / 2 - py
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    new_cx = cos * x + sin * y + px + translate[0] + (out_width - 1) / 2
    new_cy = -sin * x + cos * y + py + translate[1] + (out_height - 1) / 2
    return _rewrap(inpt, focal[0] * scale, focal[1] * scale, new_cx, new_cy, canvas_size)


@F.register_kernel(F.rotate, Intrinsics)
def _rotate(
    inpt: Intrinsics,
    angle: float,
    interpolation: Any = None,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Intrinsics:
    canvas_size: Sequence[int] = inpt.canvas_size
    if expand:
        canvas_size = _followed_canvas(F.rotate, inpt, angle, expand=True, center=center)
    return _similarity(inpt, angle, canvas_size, center=center)


@F.register_kernel(F.affine, Intrinsics)
def _affine(
    inpt: Intrinsics,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float] = (0, 0),
    interpolation: Any = None,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Intrinsics:
    require_no_shear(inpt, shear)
    return _similarity(inpt, -angle, inpt.canvas_size, scale, translate, center)


for _functional in (F.perspective, F.elastic, F.five_crop, F.ten_crop):
    refuse(_functional, Intrinsics, "no pinhole camera shows a scene like that")


@F.register_kernel(F.to_dtype, Intrinsics)
def _to_dtype(inpt: Intrinsics, *args: Any, **kwargs: Any) -> Intrinsics:
    return inpt
