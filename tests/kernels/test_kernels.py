"""Each kernel compared with PyTorch's operators, in channels-last float32 and bfloat16, at any size."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mtl_plugins.functional.losses import cross_entropy, resizing_cross_entropy
from mtl_plugins.kernels import (
    LANE,
    NarrowConv2d,
    depthwise_crp,
    fits,
    max_pool,
    scaled_conv,
    scaled_relu6,
    warm_up,
    without_kernels,
)
from mtl_plugins.models.necks import ChainedResidualPooling

pytestmark = pytest.mark.skipif(not warm_up(), reason="no C++ compiler")
FEW = settings(max_examples=25, deadline=None)
sizes = st.tuples(st.integers(1, 2), st.sampled_from([16, 48]), st.integers(1, 13), st.integers(2, 13))
dtypes = st.sampled_from([torch.float32, torch.bfloat16])
seeds = st.integers(0, 10**6)


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


def random_integers(*shape, dtype=torch.float32):
    """Random integers: many ties, and sums without rounding errors in any order."""
    return channels_last(torch.randint(-3, 9, shape).to(dtype))


def gradients(function, grad, *inputs):
    """The output, and the gradients of the inputs."""
    inputs = [x.detach().clone(memory_format=torch.preserve_format).requires_grad_() for x in inputs]
    output = function(*inputs)
    return output.detach(), torch.autograd.grad(output, inputs, grad)


def in_pytorch(function):
    @without_kernels()
    def call(*inputs):
        return function(*inputs)

    return call


def close(given, wanted, share=2e-6):
    assert (given.double() - wanted.double()).abs().max() <= share * wanted.double().abs().max().clamp(min=1e-6)


@given(sizes, dtypes, seeds)
@FEW
def test_max_pool_equals_pytorch_bit_by_bit_and_breaks_ties_alike(size, dtype, seed):
    torch.manual_seed(seed)
    x, grad = random_integers(*size, dtype=dtype), random_integers(*size, dtype=dtype)
    output, (grad_x,) = gradients(max_pool, grad, x)
    assert torch.equal(output, in_pytorch(max_pool)(x))
    exact = gradients(in_pytorch(max_pool), grad.float(), x.float())[1][0]
    assert torch.equal(grad_x, exact.to(dtype))
    assert output.is_contiguous(memory_format=torch.channels_last)


def pytorch_crp(x, weight):
    x = top = F.relu6(x)
    for row in weight:
        top = F.conv2d(F.max_pool2d(top, 5, 1, 2), row.view(-1, 1, 1, 1), groups=x.shape[1])
        x = x + top
    return x


@given(sizes, st.integers(1, 5), seeds)
@FEW
def test_chained_residual_pooling_equals_pytorch(size, stages, seed):
    torch.manual_seed(seed)
    x, grad, weight = random_integers(*size), random_integers(*size), torch.randn(stages, size[1])
    output, grads = gradients(depthwise_crp, grad, x, weight)
    wanted, grads_wanted = gradients(pytorch_crp, grad, x, weight)
    assert torch.equal(output, wanted)
    for given_, wanted_ in zip(grads, grads_wanted, strict=True):
        close(given_, wanted_, 1e-5)


@given(sizes, seeds)
@FEW
def test_bfloat16_is_computed_in_float32(size, seed):
    torch.manual_seed(seed)
    x, grad = (channels_last(3 * torch.randn(size)).bfloat16() for _ in range(2))
    weight = torch.randn(3, size[1])
    output, (grad_x, grad_weight) = gradients(depthwise_crp, grad, x, weight)
    wanted, (wide_x, wide_weight) = gradients(depthwise_crp, grad.float(), x.float(), weight)
    assert output.dtype == grad_x.dtype == torch.bfloat16
    assert torch.equal(output, wanted.bfloat16()) and torch.equal(grad_x, wide_x.bfloat16())
    assert torch.equal(grad_weight, wide_weight)


@given(sizes, dtypes, seeds)
@FEW
def test_scaled_relu6_equals_pytorch(size, dtype, seed):
    torch.manual_seed(seed)
    scale = nn.Conv2d(size[1], size[1], 1, groups=size[1], bias=False)
    x, grad = (channels_last(3 * torch.randn(size)).to(dtype) for _ in range(2))

    def call(x, weight):
        return torch.func.functional_call(scale, {"weight": weight}, x)

    def ours(x, weight):
        module = nn.Conv2d(size[1], size[1], 1, groups=size[1], bias=False)
        del module.weight
        module.weight = weight
        return scaled_relu6(x, module)

    output, grads = gradients(ours, grad, x, scale.weight)
    wanted, grads_wanted = gradients(lambda x, w: F.relu6(call(x, w)), grad.float(), x.float(), scale.weight)
    assert torch.equal(output, wanted.to(dtype)) and torch.equal(grads[0], grads_wanted[0].to(dtype))
    close(grads[1], grads_wanted[1], 1e-5)


def head(channels, outs):
    scale = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
    return (module.to(memory_format=torch.channels_last) for module in (scale, NarrowConv2d(channels, outs)))


@given(sizes, st.integers(1, 20), seeds)
@FEW
def test_fused_head_convolutions_equal_pytorch(size, outs, seed):
    torch.manual_seed(seed)
    scale, conv = head(size[1], outs)
    x = channels_last(3 * torch.randn(size))
    with torch.inference_mode():
        close(scaled_conv(x, scale, conv), conv(F.relu6(scale(x))), 2e-6 if outs <= 3 else 2e-5)


@given(sizes, st.integers(1, 5), seeds)
@FEW
def test_fused_head_convolutions_in_bfloat16(size, outs, seed):
    torch.manual_seed(seed)
    scale, conv = (module.bfloat16() for module in head(size[1], outs))
    x = channels_last(3 * torch.randn(size)).bfloat16()
    with torch.inference_mode():
        output = scaled_conv(x, scale, conv)
        wanted = conv.double()(F.relu6(scale.double()(x.double())))
    assert output.dtype == torch.bfloat16
    close(output, wanted, 2**-6)


def test_training_does_not_use_winograd():
    torch.manual_seed(0)
    scale, conv = nn.Conv2d(16, 16, 1, groups=16, bias=False), NarrowConv2d(16, 3)
    x = channels_last(torch.randn(1, 16, 9, 9))
    assert torch.equal(scaled_conv(x, scale, conv), conv(F.relu6(scale(x))))


def changed(module, **attributes):
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(16, 3, 3, padding=2, dilation=2),
        nn.Conv2d(16, 3, 3, padding=1, stride=2, bias=False),
        nn.Conv2d(16, 3, 1),
        nn.Sequential(NarrowConv2d(16, 3)),
        changed(NarrowConv2d(16, 3), bias=None),
        changed(NarrowConv2d(16, 3), weight=nn.Parameter(torch.rand(3, 16, 1, 1)), padding=(0, 0)),
        changed(NarrowConv2d(16, 3), padding_mode="reflect", _reversed_padding_repeated_twice=[1, 1, 1, 1]),
    ],
    ids=["dilated", "strided", "1x1", "several", "no bias", "surgery", "reflecting"],
)
def test_unsupported_last_layers_are_called_unchanged(other):
    scale, x = nn.Conv2d(16, 16, 1, groups=16, bias=False), channels_last(torch.randn(1, 16, 9, 9))
    with torch.inference_mode():
        assert torch.equal(scaled_conv(x, scale, other), other(F.relu6(scale(x))))


@pytest.mark.parametrize("trainable", ["scale", "bias"])
def test_trainable_parameters_of_a_partly_frozen_head_get_gradients(trainable):
    scale, conv = nn.Conv2d(16, 16, 1, groups=16, bias=False), NarrowConv2d(16, 3).requires_grad_(False)
    parameter = dict(scale=scale.weight, bias=conv.bias)[trainable]
    scale.requires_grad_(False)
    parameter.requires_grad_(True)
    x, grad = channels_last(torch.rand(1, 16, 9, 9)), torch.randn(1, 3, 9, 9)

    def gradient():
        return torch.autograd.grad(scaled_conv(x, scale, conv), parameter, grad)[0]

    wanted = in_pytorch(gradient)()
    assert wanted.any()
    close(gradient(), wanted, 1e-5)


def test_forward_hooks_are_called():
    scale, conv = nn.Conv2d(16, 16, 1, groups=16, bias=False), NarrowConv2d(16, 3)
    block = ChainedResidualPooling(16, 2, depthwise=True)
    called = []
    for name, module in dict(scale=scale, conv=conv, block=block.convs[1]).items():
        module.register_forward_hook(lambda *_, name=name: called.append(name))
    x = channels_last(torch.randn(1, 16, 9, 9))
    with torch.inference_mode():
        scaled_conv(x, scale, conv)
        block(x)
    assert called == ["scale", "conv", "block"]


def test_backward_hooks_are_called():
    scale, conv = nn.Conv2d(16, 16, 1, groups=16, bias=False), NarrowConv2d(16, 3)
    called = []
    for name, module in dict(scale=scale, conv=conv).items():
        module.register_full_backward_hook(lambda *_, name=name: called.append(name))
    scaled_conv(channels_last(torch.randn(1, 16, 9, 9)).requires_grad_(), scale, conv).sum().backward()
    assert called == ["conv", "scale"]


def test_a_block_without_stages():
    x = channels_last(torch.randn(1, 16, 5, 5))
    assert torch.equal(ChainedResidualPooling(16, 0, depthwise=True)(x), F.relu6(x))


def test_double_backward_raises():
    x = channels_last(torch.randn(1, 16, 9, 9)).requires_grad_()
    target = torch.zeros(1, 1, 18, 18, dtype=torch.long)
    for output in (NarrowConv2d(16, 3)(x).sum(), resizing_cross_entropy(x, target)):
        with pytest.raises(RuntimeError, match="without_kernels"):
            torch.autograd.grad(output, x, create_graph=True)


@pytest.mark.parametrize("outs", [1, 3, 4])
def test_gradients_of_a_narrow_convolution(outs):
    torch.manual_seed(outs)
    narrow = NarrowConv2d(16, outs)
    plain = nn.Conv2d(16, outs, 3, padding=1)
    plain.load_state_dict(narrow.state_dict())
    x, grad = channels_last(torch.randn(2, 16, 7, 9)), torch.randn(2, outs, 7, 9)
    output, grads = gradients(lambda x, *p: narrow(x), grad, x)
    wanted, grads_wanted = gradients(lambda x, *p: plain(x), grad, x)
    assert torch.equal(output, wanted)
    close(grads[0], grads_wanted[0], 1e-5)
    for module in (narrow, plain):
        module(x).backward(grad)
    close(narrow.weight.grad, plain.weight.grad, 1e-5)
    close(narrow.bias.grad, plain.bias.grad, 1e-5)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_batched_gradients_of_several_losses():
    torch.manual_seed(0)
    block, x = ChainedResidualPooling(16, 2, depthwise=True), channels_last(torch.randn(2, 16, 7, 9))
    (scale, depth), (_, classes) = head(16, 1), head(16, 4)
    target = torch.randint(0, 4, (2, 1, 14, 18))
    parameters = [*block.parameters(), scale.weight, *depth.parameters(), *classes.parameters()]

    def jacobian():
        x_ = max_pool(block(x))
        losses = scaled_conv(x_, scale, depth).mean(), resizing_cross_entropy(scaled_conv(x_, scale, classes), target)
        return torch.autograd.grad(
            torch.stack(losses), parameters, torch.eye(2), is_grads_batched=True, allow_unused=True
        )

    for one, other in zip(jacobian(), in_pytorch(jacobian)(), strict=True):
        close(one, other, 1e-5)


@pytest.mark.parametrize("outs", [1, 4])
def test_gradients_of_a_narrow_convolution_under_autocast(outs):
    torch.manual_seed(outs)
    x, grad = channels_last(torch.randn(2, 16, 7, 9)), torch.randn(2, outs, 7, 9).bfloat16()
    narrow = NarrowConv2d(16, outs)

    def call(x, *parameters):
        with torch.autocast("cpu", torch.bfloat16):
            return narrow(x)

    output, (grad_x,) = gradients(call, grad, x)
    wanted, (grad_wanted,) = gradients(in_pytorch(call), grad, x)
    assert torch.equal(output, wanted) and grad_x.dtype == torch.float32
    close(grad_x, grad_wanted, 2**-6)
    parameters = list(narrow.parameters())
    for one, other in zip(
        torch.autograd.grad(call(x), parameters, grad),
        torch.autograd.grad(in_pytorch(call)(x), parameters, grad),
        strict=True,
    ):
        assert one.dtype == torch.float32
        close(one, other, 2**-6)


@pytest.mark.parametrize("frozen", ["x", "weight", "bias"])
def test_gradients_of_a_partly_frozen_narrow_convolution(frozen):
    narrow, x = NarrowConv2d(16, 3), channels_last(torch.randn(1, 16, 5, 6)).requires_grad_()
    tensors = dict(x=x, weight=narrow.weight, bias=narrow.bias)
    tensors.pop(frozen).requires_grad_(False)

    def gradients_():
        return torch.autograd.grad(narrow(x).square().sum(), [*tensors.values()])

    for grad, wanted in zip(gradients_(), in_pytorch(gradients_)(), strict=True):
        assert wanted.any()
        close(grad, wanted, 1e-5)


@given(
    st.tuples(st.integers(1, 2), st.integers(2, 20), st.integers(1, 20), st.integers(1, 9)),
    st.tuples(st.integers(1, 60), st.integers(1, 40)),
    st.booleans(),
    seeds,
)
@FEW
def test_resizing_cross_entropy_equals_pytorch(shape, size, weighted, seed):
    torch.manual_seed(seed)
    logits = channels_last(5 * torch.randn(shape))
    target = torch.randint(0, shape[1], (shape[0], 1, *size))
    target[torch.rand(target.shape) < 0.3] = 255
    weight = torch.rand(shape[1]) if weighted else None

    def resized(logits):
        logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
        return cross_entropy(logits, target, class_weight=weight)

    one = torch.tensor(2.0)  # as with a loss_weight of 2
    output, (grad,) = gradients(lambda x: resizing_cross_entropy(x, target, class_weight=weight), one, logits)
    wanted, (grad_wanted,) = gradients(resized, one, logits)
    close(output, wanted, 1e-5)
    close(grad, grad_wanted, 1e-4)


def test_the_loss_without_valid_pixels_is_zero():
    logits = channels_last(torch.randn(1, 3, 4, 4)).requires_grad_()
    loss = resizing_cross_entropy(logits, torch.full((1, 1, 8, 8), 255))
    loss.backward()
    assert loss == 0 and not logits.grad.any()


def test_nan_is_propagated():
    x = channels_last(torch.zeros(1, 16, 4, 5))
    x[0, 3, 1, 2] = torch.nan
    assert depthwise_crp(x, torch.ones(2, 16))[0, 3, 1, 2].isnan()
    logits = x.clone(memory_format=torch.preserve_format)
    assert resizing_cross_entropy(logits, torch.zeros(1, 1, 8, 10, dtype=torch.long)).isnan()


def test_an_unknown_class_id_raises():
    with pytest.raises(ValueError, match="class id 7"):
        resizing_cross_entropy(channels_last(torch.randn(1, 3, 4, 4)), torch.full((1, 1, 8, 8), 7))


def test_an_empty_batch():
    x = channels_last(torch.randn(1, 16, 4, 5))[:0].requires_grad_()
    for output in (max_pool(x), depthwise_crp(x, torch.ones(2, 16))):
        output.sum().backward()
        assert output.shape == x.shape


def test_nchw_tensors_and_exported_graphs_use_pytorch():
    x = torch.randn(1, 16, 6, 6)
    assert fits(channels_last(x), LANE) and not fits(x, LANE) and not fits(channels_last(x).double(), LANE)
    assert not fits(channels_last(torch.randn(1, 20, 6, 6)), LANE)

    class Pool(nn.Module):
        def forward(self, x):
            return max_pool(x)

    graph = torch.export.export(Pool(), (channels_last(x),)).graph
    assert not any("mtl_plugins" in str(node.target) for node in graph.nodes)


def test_without_kernels_applies_to_one_thread():
    x = channels_last(torch.randn(1, 16, 6, 6))
    with without_kernels(), ThreadPoolExecutor() as pool:
        assert not fits(x, LANE)
        assert pool.submit(fits, x, LANE).result()
    assert fits(x, LANE)


def test_a_compiled_function_uses_the_kernels():
    x = channels_last(torch.randn(1, 16, 6, 6))
    targets = []

    def record(graph, _):
        targets.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    torch.compile(max_pool, backend=record, fullgraph=True)(x)
    assert any("mtl_plugins" in target for target in targets)


def test_results_do_not_depend_on_the_number_of_threads():
    torch.manual_seed(0)
    x, grad = (channels_last(torch.randn(2, 32, 20, 24)) for _ in range(2))
    weight, target = torch.randn(4, 32), torch.randint(0, 32, (2, 1, 80, 96))
    results, threads = [], torch.get_num_threads()
    for number in (1, 3):
        torch.set_num_threads(number)
        output, grads = gradients(depthwise_crp, grad, x, weight)
        loss, more = gradients(lambda x: resizing_cross_entropy(x, target), torch.tensor(1.0), x)
        results.append([output, *grads, loss, *more])
    torch.set_num_threads(threads)
    assert all(torch.equal(one, three) for one, three in zip(*results, strict=True))
