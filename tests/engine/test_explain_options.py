import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.utils.data import DataLoader

from mtl_plugins.engine.explain_options import explain_options
from mtl_plugins.registry import DATASETS, HOOKS, METRICS, OPTIM_WRAPPERS, UnknownOptionError

from .toy_run import build_runner


@pytest.mark.parametrize(
    ("registry", "component", "message"),
    [
        (HOOKS, dict(type="NonFiniteLossHook", patiense=3), "NonFiniteLossHook has no option 'patiense'.*'patience'"),
        (DATASETS, dict(type="SynthRooms", data_root=".", depth_scal=1), "SynthRooms has no option.*'depth_scale'"),
        (OPTIM_WRAPPERS, dict(type="AutocastOptimWrapper", precison="auto"), "AutocastOptimWrapper.*'precision'"),
    ],
)
def test_components_that_mmengine_builds(registry, component, message):
    config = Config(dict(parts=[dict(type="SegmentationMetric"), dict(inner=component)]))
    with registry.parent.switch_scope_and_registry("mtl_plugins"), pytest.raises(UnknownOptionError, match=message):
        with explain_options(config):
            given = dict(component)
            if registry is OPTIM_WRAPPERS:
                given["optimizer"] = build_optim_wrapper(
                    nn.Linear(1, 1), dict(optimizer=dict(type="SGD", lr=1))
                ).optimizer
            registry.parent.build(given)


def test_the_configured_metric_is_named_not_its_base_class():
    config = dict(val_evaluator=[dict(type="SegmentationMetric", zzqqxx=1)])
    message = r"SegmentationMetric has no option 'zzqqxx'\. Its options: .*task"
    with METRICS.parent.switch_scope_and_registry("mtl_plugins"), pytest.raises(UnknownOptionError, match=message):
        with explain_options(config):
            Evaluator(config["val_evaluator"])


def test_classes_of_torch():
    loader = dict(dataset=dict(type="SynthRooms"), sampler=dict(type="SeededSampler"), batchsize=3)
    with pytest.raises(UnknownOptionError, match="DataLoader has no option 'batchsize': did you mean 'batch_size'"):
        with explain_options(dict(train_dataloader=loader)):
            DataLoader([], batchsize=3)
    optimizer = dict(optimizer=dict(type="AdamW", weightdecay=1))
    with pytest.raises(UnknownOptionError, match="AdamW has no option 'weightdecay': did you mean 'weight_decay'"):
        with explain_options(dict(optim_wrapper=optimizer)):
            build_optim_wrapper(nn.Linear(1, 1), optimizer)


@pytest.mark.parametrize("message", ["unsupported operand", "Thing.__init__() got an unexpected keyword argument 'x'"])
def test_other_errors_are_raised_unchanged(message):
    with (
        pytest.raises(TypeError, match="unsupported|Thing") as raised,
        explain_options(dict(a=dict(type="Thing", x=1))),
    ):
        raise TypeError(message)
    assert type(raised.value) is TypeError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(type="SGD", lr=-1), "^optim_wrapper.optimizer: Invalid learning rate: -1"),
        (dict(type="Adam", lr=0.1, betas=(2, 1)), "^optim_wrapper.optimizer: Invalid beta parameter"),
        (dict(type="SGD", lr="fast"), "^optim_wrapper.optimizer: .*'str'"),
        (dict(type="AdamW", lr=1, weightdecay=1), "^AdamW.* unexpected keyword argument 'weightdecay'"),
    ],
)
def test_invalid_values_of_the_optimizer(tmp_path, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        build_runner(tmp_path).build_optim_wrapper(dict(optimizer=options))
