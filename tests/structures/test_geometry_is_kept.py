"""After any geometric transform, points from depth and the followed intrinsics still fit the normals."""

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from mtl_plugins.functional.geometry import depth_to_points
from mtl_plugins.structures import zoom

from .scenes import fitted_normal, two_planes

H, W = 48, 64
CAMERA = (60.0, 60.0, 33.7, 22.1)  # off-centre, so that an untransformed principal point is noticed
tilt = st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6))
scene = st.builds(lambda a, b: two_planes(H, W, CAMERA, (a, b)), tilt, tilt)
angle = st.floats(-180, 180)
TRANSFORMS = {
    "horizontal_flip": st.just({}),
    "vertical_flip": st.just({}),
    "crop": st.builds(lambda t, lf: dict(top=t, left=lf, height=30, width=40), *[st.integers(-8, 20)] * 2),
    "center_crop": st.sampled_from([dict(output_size=[31, 40]), dict(output_size=[61, 40]), dict(output_size=[20])]),
    "pad": st.sampled_from([dict(padding=3), dict(padding=[1, 5]), dict(padding=[1, 2, 3, 4])]),
    "resize": st.sampled_from(
        [dict(size=[36, 80]), dict(size=[96, 128]), dict(size=[30]), dict(size=[30], max_size=39)]
    ),
    "resized_crop": st.just(dict(top=5, left=9, height=30, width=40, size=[45, 72])),
    "rotate": st.builds(
        lambda a, kw: dict(angle=a, **kw), angle, st.sampled_from([{}, dict(expand=True), dict(center=[20, 30])])
    ),
    "affine": st.builds(
        lambda a, s, kw: dict(angle=a, translate=[4, -3], scale=s, shear=[0, 0], **kw),
        angle,
        st.floats(0.7, 1.6),
        st.sampled_from([{}, dict(center=[20, 30])]),
    ),
    "zoom": st.builds(lambda f: dict(factor=f), st.floats(0.7, 2.0)),
}
cases = st.sampled_from(sorted(TRANSFORMS)).flatmap(lambda n: TRANSFORMS[n].map(lambda kw: (n, kw)))
each_transform = pytest.mark.parametrize("name", sorted(TRANSFORMS))


def moved(sample, name, kwargs):
    functional = zoom if name == "zoom" else getattr(F, name)

    def move(value):
        fill = dict(fill=255) if isinstance(value, tv_tensors.Mask) and name in ("pad", "rotate", "affine") else {}
        return functional(value, **kwargs, **fill)

    return {key: move(value) for key, value in sample.items()}


def check_fit(sample, tolerance=2.0):
    points = depth_to_points(sample["depth"].as_subclass(torch.Tensor), sample["intrinsics"].as_subclass(torch.Tensor))
    normals = sample["normals"].as_subclass(torch.Tensor).double()
    valid = points[2] > 0
    assert torch.equal(valid, normals.norm(dim=0) > 0.5), "depth and normals are invalid at the same pixels"
    for wall in (0, 1):
        on_wall = valid & (sample["semseg"].as_subclass(torch.Tensor)[0] == wall)
        if on_wall.sum() < 250 or min(on_wall.any(0).sum(), on_wall.any(1).sum()) < 12:
            continue  # many planes fit a narrow strip
        expected = normals[:, on_wall].median(1).values  # torchvision's masks lie half a pixel off after a resize
        cosine = (fitted_normal(points[:, on_wall]) @ expected).clamp(-1, 1)
        assert math.degrees(math.acos(cosine)) < tolerance


@each_transform
@given(data=st.data(), sample=scene)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_points_fit_normals_after_one_transform(name, data, sample):
    check_fit(sample, tolerance=0.05)
    out = moved(sample, name, data.draw(TRANSFORMS[name]))
    assert len({tuple(out[key].shape[-2:]) for key in ("img", "semseg", "depth", "normals", "pixels")}) == 1
    assert out["intrinsics"].canvas_size == tuple(out["img"].shape[-2:])
    check_fit(out)


@given(first=cases, second=cases, sample=scene)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_points_fit_normals_after_two_transforms(first, second, sample):
    out = moved(sample, *first)
    fx, fy = out["intrinsics"].tolist()[:2]
    if second[0] in ("rotate", "affine") and abs(fx / fy - 1) > 0.01:
        with pytest.raises(ValueError, match="square"):
            moved(out, "rotate", dict(angle=20.0))
    else:
        check_fit(moved(out, *second), tolerance=4.0)


@each_transform
@given(data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_pixel_keeps_its_ray(name, data):
    """The ray of a pixel, by the followed camera, is that of the pixel it came from: to half a pixel, and unbiased."""
    kwargs = data.draw(TRANSFORMS[name])
    out = moved(two_planes(H, W, CAMERA, ((0.1, 0.0), (0.0, 0.2))), name, kwargs)
    valid = out["depth"][0] > 0
    source = out["pixels"].as_subclass(torch.Tensor)
    fx, fy, cx, cy = CAMERA
    came_from = torch.stack(((source[0] - cx) / fx, (source[1] - cy) / fy))[:, valid]
    nfx, nfy, ncx, ncy = out["intrinsics"].tolist()
    v, u = torch.meshgrid(*(torch.arange(n).float() for n in valid.shape), indexing="ij")
    x, y = ((u - ncx) / nfx)[valid], ((v - ncy) / nfy)[valid]
    if name == "zoom":  # the scene is nearer: z / factor
        x, y = x / kwargs["factor"], y / kwargs["factor"]
    if name in ("rotate", "affine"):
        turn = math.radians(kwargs["angle"] * (1 if name == "rotate" else -1))
        x, y = math.cos(turn) * x - math.sin(turn) * y, math.sin(turn) * x + math.cos(turn) * y
    mirror = torch.tensor([[-1.0 if name == "horizontal_flip" else 1.0], [-1.0 if name == "vertical_flip" else 1.0]])
    error = (torch.stack((x, y)) * mirror - came_from) * torch.tensor([[fx], [fy]])
    assert error.abs().max() < 0.52
    assert error.mean(1).abs().max() < 0.2  # at ratios such as 3:2, ties are all rounded in one direction
