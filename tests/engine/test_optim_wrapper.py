import pytest
import torch
from torch import nn
from toy_run import build_runner

from mtl_plugins.engine import AutocastOptimWrapper, autocast_context, cpu_has_bfloat16, resolve_precision
from mtl_plugins.registry import OPTIM_WRAPPERS


def wrapper(model, **kwargs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return OPTIM_WRAPPERS.build(dict(type="AutocastOptimWrapper", optimizer=optimizer, **kwargs))


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_the_forward_pass_runs_in_the_given_precision(precision, dtype):
    model = nn.Linear(2, 2)
    optim = wrapper(model, precision=precision)
    with optim.optim_context(model):
        assert model(torch.ones(1, 2)).dtype is dtype
    assert model(torch.ones(1, 2)).dtype is torch.float32
    with autocast_context(precision, torch.device("cpu")):
        assert model(torch.ones(1, 2)).dtype is dtype


def test_auto_precision_depends_on_the_processor(monkeypatch):
    assert resolve_precision("auto", "cpu") is (torch.bfloat16 if cpu_has_bfloat16() else torch.float32)
    monkeypatch.setattr("mtl_plugins.engine.optim_wrapper.cpu_has_bfloat16", lambda: False)
    assert resolve_precision("auto", "cpu") is torch.float32
    assert resolve_precision("auto", "mps") is torch.float32


def test_unknown_and_unsupported_precisions_raise():
    with pytest.raises(ValueError, match="'half'.*auto, float32, bfloat16, float16"):
        resolve_precision("half", "cpu")
    with pytest.raises(ValueError, match="CUDA"):
        wrapper(nn.Linear(2, 2), precision="float16")


def test_accumulation_and_clipping_equal_the_float32_wrapper():
    def step(precision):
        torch.manual_seed(0)
        model = nn.Linear(2, 1)
        optim = wrapper(model, precision=precision, accumulative_counts=2, clip_grad=dict(max_norm=0.1))
        start = model.weight.detach().clone()
        for value in (1.0, 3.0):
            assert torch.equal(model.weight, start)  # the first of two steps only accumulates
            with optim.optim_context(model):
                loss = model(torch.full((1, 2), value)).square().sum()
            optim.update_params(loss)
        return model.weight.detach() - start

    moved = step("float32")
    assert 0 < moved.norm() <= 0.1 * 0.1 + 1e-6
    torch.testing.assert_close(step("bfloat16"), moved, rtol=0.05, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="float16 needs a CUDA GPU")
def test_float16_scales_the_loss_and_resumes_the_scale():
    model = nn.Linear(2, 1).cuda()
    optim = wrapper(model, precision="float16", loss_scale=dict(init_scale=8.0), clip_grad=dict(max_norm=1.0))
    with optim.optim_context(model):
        output = model(torch.ones(1, 2, device="cuda"))
    assert output.dtype is torch.float16
    before = model.weight.detach().clone()
    optim.update_params(output.float().sum())
    assert not torch.equal(model.weight, before)
    other = wrapper(model, precision="float16")
    other.load_state_dict(optim.state_dict())
    assert other.loss_scaler.get_scale() == 8.0


def test_a_runner_trains_in_bfloat16(tmp_path):
    runner = build_runner(tmp_path, epochs=1)
    runner.optim_wrapper = dict(type="AutocastOptimWrapper", precision="bfloat16", optimizer=dict(type="Adam", lr=0.05))
    runner.train()
    assert isinstance(runner.optim_wrapper, AutocastOptimWrapper)
    assert all(p.dtype is torch.float32 and p.isfinite().all() for p in runner.model.parameters())
