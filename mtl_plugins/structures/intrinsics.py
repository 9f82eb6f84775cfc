import math

import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from .refuse import refuse


class Intrinsics(tv_tensors.TVTensor):
    """A pinhole camera (fx, fy, cx, cy) in pixels, whose centres lie at integer coordinates; float32 (4,).

    It follows the image through crops, resizes, mirrors and rotations, so that points made from depth stay
    right.

    Args:
        data: (fx, fy, cx, cy), or the 3×3 camera matrix without skew.
        canvas_size (tuple): (H, W) of the image.
    """

    def __new__(cls, data, *, canvas_size):
        tensor = torch.as_tensor(data, dtype=torch.float32)
        if tensor.shape == (3, 3):
            tensor = tensor[[0, 1, 0, 1], [0, 1, 2, 2]]
        if tensor.shape != (4,):
            raise ValueError(f"Intrinsics are (fx, fy, cx, cy) or a 3×3 matrix, but got shape {tuple(tensor.shape)}.")
        return cls._with_canvas(tensor, canvas_size)

    @classmethod
    def _with_canvas(cls, tensor, canvas_size):
        intrinsics = tensor.as_subclass(cls)
        intrinsics.canvas_size = tuple(int(n) for n in canvas_size)
        return intrinsics

    @classmethod
    def wrap(cls, tensor, like, canvas_size=None):
        return cls._with_canvas(tensor, canvas_size or like.canvas_size)

    @classmethod
    def _wrap_output(cls, output, args=(), kwargs=None):
        # clone(), to(), detach() … keep the type: let them keep the canvas too
        output = super()._wrap_output(output, args, kwargs)
        source = next((arg for arg in args if isinstance(arg, cls)), None)
        if isinstance(output, cls) and source is not None:
            output.canvas_size = source.canvas_size
        return output

    def __repr__(self, *, tensor_contents=None):
        return self._make_repr(canvas_size=self.canvas_size)


def _rewrap(inpt, fx, fy, cx, cy, canvas_size):
    out = torch.tensor((fx, fy, cx, cy), dtype=inpt.dtype, device=inpt.device)
    return tv_tensors.wrap(out, like=inpt, canvas_size=canvas_size)


def scaled(inpt, canvas_size, focal=(1.0, 1.0)):
    """``inpt`` on another canvas: principal point scaled, focal lengths too, each further multiplied by ``focal``."""
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


def _followed_canvas(functional, inpt, *args, **kwargs):
    """(H, W) that ``functional`` gives to the image: asked of torchvision itself, with an empty image."""
    return functional(torch.zeros(1, *inpt.canvas_size, dtype=torch.uint8), *args, **kwargs).shape[-2:]


@F.register_kernel(F.horizontal_flip, Intrinsics)
def _horizontal_flip(inpt):
    fx, fy, cx, cy = inpt.tolist()
    return _rewrap(inpt, fx, fy, inpt.canvas_size[1] - 1 - cx, cy, inpt.canvas_size)


@F.register_kernel(F.vertical_flip, Intrinsics)
def _vertical_flip(inpt):
    fx, fy, cx, cy = inpt.tolist()
    return _rewrap(inpt, fx, fy, cx, inpt.canvas_size[0] - 1 - cy, inpt.canvas_size)


@F.register_kernel(F.crop, Intrinsics)
def _crop(inpt, top, left, height, width):
    fx, fy, cx, cy = inpt.tolist()
    return _rewrap(inpt, fx, fy, cx - left, cy - top, (height, width))


@F.register_kernel(F.center_crop, Intrinsics)
def _center_crop(inpt, output_size):
    height, width = _followed_canvas(F.center_crop, inpt, output_size=output_size)

    def start(size, target):  # torchvision pads first where the image is the smaller one, then rounds the anchor
        before = max(target - size, 0) // 2
        return round((max(size, target) - target) / 2) - before

    return _crop(inpt, start(inpt.canvas_size[0], height), start(inpt.canvas_size[1], width), height, width)


@F.register_kernel(F.pad, Intrinsics)
def _pad(inpt, padding, fill=None, padding_mode="constant"):
    padding = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = padding * (4 // len(padding))  # one, two or four numbers
    height, width = inpt.canvas_size
    return _crop(inpt, -top, -left, height + top + bottom, width + left + right)


@F.register_kernel(F.resize, Intrinsics)
def _resize(inpt, size, interpolation=None, max_size=None, antialias=None):
    return scaled(inpt, _followed_canvas(F.resize, inpt, size, max_size=max_size))


@F.register_kernel(F.resized_crop, Intrinsics)
def _resized_crop(inpt, top, left, height, width, size, interpolation=None, antialias=None):
    return _resize(_crop(inpt, top, left, height, width), size)


def _similarity(inpt, degrees, canvas_size, scale=1.0, translate=(0, 0), center=None):
    """Pixels turned counter-clockwise about ``center`` (None: the middle), scaled and shifted; the camera
    rolls along."""
    fx, fy, cx, cy = inpt.tolist()
    if abs(fx - fy) > 0.01 * fx and degrees % 180:
        raise ValueError(
            f"an image with fx={fx:g} and fy={fy:g} cannot be rotated with its intrinsics: pixels must be "
            "square. Rotate before a resize that changes the aspect ratio, or leave the intrinsics out."
        )
    focal = (fx, fy) if degrees % 180 == 0 else [math.sqrt(fx * fy)] * 2
    (height, width), (out_height, out_width) = inpt.canvas_size, canvas_size
    # torchvision counts `center` from the image's corner, half a pixel before the first pixel's centre
    px, py = (0, 0) if center is None else (center[0] - width / 2, center[1] - height / 2)
    x, y = cx - (width - 1) / 2 - px, cy - (height - 1) / 2 - py
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    new_cx = cos * x + sin * y + px + translate[0] + (out_width - 1) / 2
    new_cy = -sin * x + cos * y + py + translate[1] + (out_height - 1) / 2
    return _rewrap(inpt, focal[0] * scale, focal[1] * scale, new_cx, new_cy, canvas_size)


@F.register_kernel(F.rotate, Intrinsics)
def _rotate(inpt, angle, interpolation=None, expand=False, center=None, fill=None):
    canvas_size = inpt.canvas_size
    if expand:
        canvas_size = _followed_canvas(F.rotate, inpt, angle, expand=True, center=center)
    return _similarity(inpt, angle, canvas_size, center=center)


@F.register_kernel(F.affine, Intrinsics)
def _affine(inpt, angle, translate, scale, shear=(0, 0), interpolation=None, fill=None, center=None):
    if any(shear):
        raise TypeError(f"affine with shear={list(shear)} has no meaning for Intrinsics. Set shear=0.")
    return _similarity(inpt, -angle, inpt.canvas_size, scale, translate, center)


for _functional in (F.perspective, F.elastic, F.five_crop, F.ten_crop):
    refuse(_functional, Intrinsics, "no pinhole camera sees the scene so")


@F.register_kernel(F.to_dtype, Intrinsics)
def _to_dtype(inpt, *args, **kwargs):
    return inpt
