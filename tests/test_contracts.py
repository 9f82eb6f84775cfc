"""Every registered component of a model, metric and dataset has a test class that inherits its contract."""

import importlib
import re
from pathlib import Path

import pytest

from mtl_plugins.datasets import MultiTaskDataset
from mtl_plugins.registry import DATASETS, METRICS, MODELS

from .contracts.backbone_contract import BackboneContract
from .contracts.balancer_contract import BalancerContract
from .contracts.dataset_contract import DatasetContract
from .contracts.head_contract import HeadContract
from .contracts.loss_contract import LossContract
from .contracts.metric_contract import MetricContract
from .contracts.neck_contract import NeckContract

KINDS = {
    "backbones": (MODELS, "mtl_plugins.models.backbones", BackboneContract),
    "necks": (MODELS, "mtl_plugins.models.necks", NeckContract),
    "heads": (MODELS, "mtl_plugins.models.heads", HeadContract),
    "losses": (MODELS, "mtl_plugins.models.losses", LossContract),
    "balancers": (MODELS, "mtl_plugins.models.balancers", BalancerContract),
    "metrics": (METRICS, "mtl_plugins.evaluation", MetricContract),
    "datasets": (DATASETS, "mtl_plugins.datasets", DatasetContract),
}


def registered(registry, package):
    registry.import_from_location()
    return {name for name, cls in registry.module_dict.items() if cls.__module__.startswith(f"{package}.")}


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


@pytest.fixture(scope="module")
def imported_tests():
    """All modules that inherit a contract, imported."""
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("test_*.py")):
        if re.search(r"^class Test\w+\((\w*Contract|On\w+)\)", path.read_text(), re.MULTILINE):
            importlib.import_module(".".join(["tests", *path.relative_to(folder).with_suffix("").parts]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_registered_class_has_a_contract_test(kind, imported_tests):
    registry, package, contract = KINDS[kind]
    names = registered(registry, package)
    if kind == "datasets":  # the others are wrappers
        names = {name for name in names if issubclass(registry.module_dict[name], MultiTaskDataset)}
    tested = {cls.registered_name() for cls in subclasses(contract) if cls.__name__.startswith("Test")}
    assert names, f"nothing is registered in {package}"
    missing = sorted(names - tested)
    assert not missing, f"a test class that inherits {contract.__name__} is missing for: {', '.join(missing)}"
