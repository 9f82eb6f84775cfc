"""A network of linear layers, whose gradients are written down by hand, with and without balancers."""

import numpy as np
import torch
from mmengine.model import BaseModule
from mmengine.structures import BaseDataElement
from torch import nn

from mtl_plugins.models import TaskHead
from mtl_plugins.models.balancers import GramianBalancer, JacobianBalancer
from mtl_plugins.registry import MODELS
from mtl_plugins.structures import TaskData

TASKS = ("first", "second", "third")
LABELS = {"first": [0, 1, 2, 3, 4, 5], "second": [1, 2, 5], "third": [0, 4, 5]}  # indices of the labelled samples


@MODELS.register_module()
class LinearBackbone(BaseModule):
    out_channels, out_strides = (4,), (1,)

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 1, bias=False, dtype=torch.float64)

    def forward(self, images):
        return [self.layer(images.to(self.layer.weight.dtype))]


@MODELS.register_module()
class LinearHead(TaskHead):
    kind = "numbers"

    def __init__(self, in_channels, in_strides):
        super().__init__()
        self.layer = nn.Conv2d(in_channels[0], 1, 1, bias=False, dtype=torch.float64)

    def forward(self, features):
        return self.layer(features[0])

    def loss(self, outputs, targets):
        return {"loss_l2": 0.5 * (outputs - targets).square().mean()}

    def predict(self, outputs, size):
        return outputs


class TaskNeck(BaseModule):
    """One linear layer for each task: features that differ between tasks."""

    out_channels, out_strides = (4,), (1,)

    def __init__(self, in_channels, in_strides):
        super().__init__()
        self.layers = nn.ModuleDict({t: nn.Conv2d(in_channels[0], 4, 1, bias=False).double() for t in TASKS})

    def of_tasks(self, views):
        return {task: [layer(views[task][0])] for task, layer in self.layers.items()}


@MODELS.register_module()
class NeckWithoutSplit(TaskNeck):
    def forward(self, features):
        return self.of_tasks(dict.fromkeys(TASKS, features))


@MODELS.register_module()
class NeckWithSplit(TaskNeck):
    def forward(self, features, split=None):
        return self.of_tasks(dict.fromkeys(TASKS, features) if split is None else split(features))


@MODELS.register_module()
class InverseNorm(GramianBalancer):
    """Weights that depend on all that a balancer gets."""

    def weights(self, gramian, tasks, losses):
        return rule(gramian, losses)


@MODELS.register_module()
class InverseNormOfRows(JacobianBalancer):
    """The same weights from the gradients themselves."""

    heads_are_scaled = False

    def combined(self, jacobian, tasks, losses):
        weights = rule((jacobian @ jacobian.mT).double(), losses)
        return (weights[:, None].to(jacobian) * jacobian).sum(0), weights


def rule(gramian, losses):
    """Weights of `InverseNorm`."""
    return 1 / gramian.diagonal().sqrt() + 0.1 * gramian.sum(1) + losses


def build(balancer, tasks=TASKS, **config):
    """The network in training mode, with the same weights in each call."""
    torch.manual_seed(0)
    heads = {task: dict(type="LinearHead") for task in tasks}
    model = dict(type="MultiTaskModel", backbone=dict(type="LinearBackbone"), heads=heads, balancer=balancer)
    return MODELS.build(model | config).train()


def batch(chosen=range(6), labels=LABELS):
    """Images (N, 3, 1, 1) and samples with the given labels."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(6, 3, 1, 1, generator=generator, dtype=torch.float64)
    targets = torch.randn(3, 6, 1, 1, 1, generator=generator, dtype=torch.float64)
    samples = []
    for i in chosen:
        gt = {task: targets[t, i] for t, task in enumerate(TASKS) if i in labels.get(task, ())}
        samples.append(BaseDataElement(metainfo=dict(ori_shape=(1, 1), img_shape=(1, 1)), gt=TaskData(**gt)))
    return images[list(chosen)], samples, targets


def by_hand(model, at="features", scale_heads=True, labels=LABELS, chosen=range(6)):
    """Gradients by name, with numpy, and the weights by task."""
    chosen = list(chosen)
    images, _, targets = batch(chosen)
    x = images.numpy().reshape(-1, 3)
    trunk = model.backbone.layer.weight.detach().double().numpy().reshape(4, 3)
    rows, of_heads, losses, present = [], {}, [], []
    for t, task in enumerate(TASKS):
        if task not in model.heads:
            continue
        head = model.heads[task].layer.weight.detach().double().numpy().reshape(4)
        features = x @ trunk.T
        has = np.array([float(i in labels.get(task, ())) for i in chosen])
        error = (features @ head - targets[t].numpy().reshape(-1)[chosen]) * has / max(has.sum(), 1)
        of_heads[task] = error @ features
        if has.any():
            present.append(task)
            rows.append(error[:, None] * head)
            losses.append(0.5 * (error**2).sum() * has.sum())
    jacobian = np.stack([(row if at == "features" else row.T @ x).ravel() for row in rows])
    weights = rule(torch.from_numpy(jacobian @ jacobian.T), torch.tensor(losses)).numpy()
    weights = dict(zip(present, weights, strict=True))
    gradients = {"backbone.layer.weight": sum(w * (row.T @ x) for w, row in zip(weights.values(), rows, strict=True))}
    for task, gradient in of_heads.items():
        gradients[f"heads.{task}.layer.weight"] = gradient * (weights.get(task, 0.0) if scale_heads else 1.0)
    return gradients, weights


def largest_difference(model, expected, factor=1.0):
    """Largest difference between a model's gradients and those by hand."""
    found = {name: p.grad for name, p in model.named_parameters() if name in expected}
    assert set(found) == set(expected)
    return max(np.abs(found[n].double().numpy().ravel() / factor - expected[n].ravel()).max() for n in expected)
