"""The functions in float32 on each device, against float64 on the CPU."""

import pytest
import torch

from mtl_plugins import functional

SIZE = 12, 14
CAMERA = (20.0, 21.0, 7.0, 6.0)


def maps(dtype):
    """Random maps (2, K, H, W) of each kind."""
    generator = torch.Generator().manual_seed(0)

    def rand(channels):
        return torch.rand(2, channels, *SIZE, generator=generator, dtype=torch.float64)

    maps = dict(depth=rand(1) + 0.5, other_depth=rand(1) + 0.5)
    maps["depth"][..., :3] = 0
    maps |= dict(normals=functional.unit_vectors(rand(3) - 0.5), other_normals=functional.unit_vectors(rand(3) - 0.5))
    maps |= dict(logits=4 * rand(5), other_logits=4 * rand(5))
    maps = {name: value.to(dtype) for name, value in maps.items()}
    maps["ids"] = torch.randint(0, 5, (2, 1, *SIZE), generator=generator)
    maps["other_ids"] = torch.randint(0, 5, (2, 1, *SIZE), generator=generator)
    maps["points"] = (torch.rand(50, 3, generator=generator, dtype=torch.float64) + torch.tensor([-0.5, -0.5, 1])).to(
        dtype
    )
    maps["projection"] = torch.tensor([[20, 0, 7, 0], [0, 21, 6, 0], [0, 0, 1, 0]], dtype=dtype)
    return maps


FUNCTIONS = dict(
    binary_cross_entropy=lambda m: functional.binary_cross_entropy(m["logits"][:, :1], m["other_depth"] / 2),
    cosine_distance=lambda m: functional.cosine_distance(m["other_normals"], m["normals"]),
    cross_entropy=lambda m: functional.cross_entropy(m["logits"], m["ids"]),
    inverse_huber=lambda m: functional.inverse_huber(m["other_depth"], m["depth"]),
    kl_divergence=lambda m: functional.kl_divergence(m["logits"], m["other_logits"], 2.0),
    l1=lambda m: functional.l1(m["other_depth"], m["depth"]),
    resizing_cross_entropy=lambda m: functional.resizing_cross_entropy(m["logits"][..., ::2, ::2], m["ids"]),
    scale_invariant_log=lambda m: functional.scale_invariant_log(m["other_depth"], m["depth"]),
    depth_statistics=lambda m: functional.depth_statistics(m["other_depth"], m["depth"], m["depth"] > 0),
    normal_statistics=lambda m: functional.normal_statistics(m["other_normals"], m["normals"])[0],
    angular_error=lambda m: functional.angular_error(m["other_normals"], m["normals"]),
    confusion_matrix=lambda m: functional.confusion_matrix(m["other_ids"], m["ids"], 5),
    eigen_crop_mask=lambda m: functional.evaluated_pixels(m["depth"], 0.6, 1.4, "eigen"),
    depth_to_points=lambda m: functional.depth_to_points(m["depth"], CAMERA),
    points_to_normals=lambda m: functional.points_to_normals(functional.depth_to_points(m["other_depth"], CAMERA)),
    depth_to_normals=lambda m: functional.depth_to_normals(0.01 * m["other_depth"] + 2, CAMERA),
    points_to_depth=lambda m: functional.points_to_depth(m["points"], m["projection"], SIZE),
    unit_vectors=lambda m: functional.unit_vectors(m["logits"]),
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_on_any_device_is_close_to_float64(name, device):
    found = FUNCTIONS[name]({key: value.to(device) for key, value in maps(torch.float32).items()})
    wanted = FUNCTIONS[name](maps(torch.float64))
    assert found.device.type == device.type
    assert wanted.any(), "a result of zeros shows nothing"
    torch.testing.assert_close(found.cpu().double(), wanted.double(), rtol=1e-3, atol=1e-4)
