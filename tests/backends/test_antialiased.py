import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mtl_plugins.backends.antialiased import resize_antialiased, spell_out_antialiasing

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def by_pytorch(x, size):
    return F.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False)


@given(sizes, sizes.filter(lambda size: size[1] > 1), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_antialiased_resize_equals_pytorch(before, after, seed):
    torch.manual_seed(seed)
    x = torch.randn(2, 3, *before)
    wanted = by_pytorch(x, after)
    # PyTorch rounds the sampling positions: its float32 differs by 1e-5 from its float64 in one direction
    assert (resize_antialiased(x, after) - wanted).abs().max() <= 1e-4 * wanted.abs().max().clamp(min=1)


def test_a_map_of_width_one():
    x = torch.randn(1, 2, 1, 7)  # transposed: for maps of width 1, PyTorch 2.14 reads only the first row
    resized = resize_antialiased(x.mT, (5, 1))
    assert torch.allclose(resized.mT, by_pytorch(x, (1, 5)), atol=1e-5)


def test_antialiasing_of_a_dynamic_graph_is_decomposed():
    class Resize(nn.Module):
        def forward(self, x):
            return by_pytorch(torch.ones(1, 1, 14, 14).cumsum(-1), (x.shape[-2] // 4, x.shape[-1] // 4)) + x.mean()

    shape = {axis: torch.export.Dim.DYNAMIC for axis in (2, 3)}
    exported = torch.export.export(Resize(), (torch.rand(1, 3, 64, 96),), dynamic_shapes=(shape,))
    graph = spell_out_antialiasing(exported)
    assert not any("_aa" in str(node.target) for node in graph.graph.nodes)
    for size in ((64, 96), (40, 200)):
        x = torch.rand(1, 3, *size)
        assert torch.allclose(graph.module()(x), Resize()(x), atol=1e-5)


def test_a_graph_without_antialiasing_is_not_changed():
    exported = torch.export.export(nn.ReLU(), (torch.rand(2),))
    assert spell_out_antialiasing(exported) is exported
