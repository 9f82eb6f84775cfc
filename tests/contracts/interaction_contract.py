"""The contract of a model with a neck or a backbone in which tasks exchange features.

A subclass defines `parts`, the entries of the model's config.
"""

import copy

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.structures import BaseDataElement

from mtl_plugins.apis.export import export_model
from mtl_plugins.engine.distillation import Teacher
from mtl_plugins.models import InferenceNetwork
from mtl_plugins.registry import MODELS
from mtl_plugins.structures import TaskData

SIZE = (37, 50)
HEADS = dict(
    semseg=dict(type="SegmentationHead", num_classes=5),
    depth=dict(type="DepthHead", loss=dict(type="L1Loss"), soft_loss=dict(type="L1Loss")),
    normals=dict(type="NormalsHead"),
)
TASKS = tuple(HEADS)
TWO = {task: HEADS[task] for task in ("semseg", "depth")}  # enough for slow tests


def images(n=2):
    return torch.randn(n, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def sample(seed, *tasks):
    generator = torch.Generator().manual_seed(seed)
    labels = dict(
        semseg=torch.randint(0, 5, (1, *SIZE), generator=generator, dtype=torch.uint8),
        depth=torch.rand(1, *SIZE, generator=generator) + 1,
        normals=torch.nn.functional.normalize(torch.randn(3, *SIZE, generator=generator), dim=0),
    )
    gt = TaskData(**{task: labels[task] for task in tasks})
    return BaseDataElement(metainfo=dict(img_shape=SIZE, ori_shape=SIZE), gt=gt)


def samples():
    """Each task has a label in one of two images, semseg in both."""
    return [sample(0, "semseg", "depth"), sample(1, "semseg", "normals")]


def train_steps(model, optimizer, seeds):
    for seed in seeds:
        batch = [sample(seed, *TASKS), sample(seed + 10, "semseg")]
        total, _ = model.parse_losses(model.loss(images(), batch))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


class InteractionContract:
    """The tests of every neck and backbone in which tasks exchange features."""

    parts: dict
    splits = False  # whether the neck has the point where the tasks part
    exports_any_size = True  # whether its ONNX file works for images of any size

    def model(self, heads=HEADS, **config):
        torch.manual_seed(0)
        defaults = dict(backbone=dict(type="TimmBackbone", model_name="test_resnet"))
        return MODELS.build(dict(type="MultiTaskModel", heads=heads) | defaults | self.parts | config)

    @pytest.fixture(scope="class")
    def built_model(self):
        return self.model()

    @pytest.fixture
    def trainable(self, built_model):
        return copy.deepcopy(built_model).train()

    def test_a_model_trains_with_missing_labels(self, trainable):
        losses = trainable.loss(images(), samples())
        total, logged = trainable.parse_losses(losses)
        total.backward()
        assert total.isfinite() and {task for task in TASKS if any(n.startswith(f"{task}.") for n in logged)} == set(
            TASKS
        )
        assert [name for name, p in trainable.named_parameters() if p.grad is None] == []

    def test_a_task_without_labels_sends_no_gradient_of_its_own(self, trainable):
        losses = trainable.loss(images(), [sample(0, "semseg"), sample(1, "semseg")])
        total, logged = trainable.parse_losses(losses)
        assert not any(name.startswith(("depth", "normals")) for name in logged)
        total.backward()
        assert all(not p.grad.any() for p in trainable.heads["depth"].parameters())
        assert [name for name, p in trainable.named_parameters() if p.grad is None] == [], "DDP expects all gradients"

    @torch.no_grad()
    @pytest.mark.parametrize("kept", [("depth",), ("semseg", "normals")])
    def test_a_pruned_network_computes_the_same_with_fewer_weights(self, built_model, kept):
        model = copy.deepcopy(built_model).eval()
        network, expected = InferenceNetwork(model, kept), model.outputs(images())
        for task, output in network(images()).items():
            torch.testing.assert_close(output, expected[task], rtol=1e-4, atol=1e-5)
        own = [model.backbone, model.neck] if model.neck is not None else [model.backbone]
        less = [network.model.backbone, network.model.neck] if model.neck is not None else [network.model.backbone]
        count = [sum(p.numel() for part in parts for p in part.parameters()) for parts in (own, less)]
        assert count[1] < count[0]

    def test_a_single_task_trains(self):
        model = self.model(heads=dict(depth=HEADS["depth"])).train()
        total, _ = model.parse_losses(model.loss(images(), [sample(0, "depth"), sample(1, "depth")]))
        total.backward()
        assert total.isfinite() and [name for name, p in model.named_parameters() if p.grad is None] == []

    @pytest.mark.matrix  # `tests/configs` exports each of them with one size and one task
    def test_export_to_onnx(self, tmp_path):
        export = export_model(self.model(heads=TWO).eval(), "onnx", tmp_path / "network.onnx", size=(32, 64))
        assert (export.reason == "") == self.exports_any_size, export.reason

    def test_compiled_and_eager_training_have_the_same_losses(self):
        torch.compiler.reset()  # other tests of this process may have reached the limit of recompilations
        model = self.model(heads=TWO).train()
        compiled = copy.deepcopy(model)
        compiled.compile_network(fullgraph=True, backend="eager")
        expected = model.loss(images(), samples())
        for name, value in compiled.loss(images(), samples()).items():
            torch.testing.assert_close(value, expected[name])

    @pytest.mark.parametrize("balancer", [dict(type="UW"), dict(type="UPGrad", at="parameters")])
    def test_balancers(self, balancer):
        model = self.model(balancer=balancer).train()
        total, _ = model.parse_losses(model.loss(images(), samples()))
        total.backward()
        assert total.isfinite() and [name for name, p in model.named_parameters() if p.grad is None] == []

    def test_balancers_at_the_features(self):
        model = self.model(balancer=dict(type="UPGrad")).train()
        if not self.splits:
            with pytest.raises(ValueError, match=r"Use model.balancer.at='parameters'"):
                model.loss(images(), samples())
            return
        total, _ = model.parse_losses(model.loss(images(), samples()))
        total.backward()
        assert [name for name, p in model.named_parameters() if p.grad is None] == []

    def test_it_learns_from_a_teacher_and_can_be_one(self, built_model, trainable):
        teacher = Teacher(model=copy.deepcopy(built_model).eval(), tasks=["depth"])
        targets = teacher.model.predict_scores(images(), SIZE, tasks=["depth"])["depth"]
        batch = samples()
        for element, target in zip(batch, targets, strict=True):
            element.soft = TaskData(depth=target)
        losses = trainable.loss(images(), batch)
        assert losses["depth.loss_soft_l1"].isfinite()
        auxiliary = [name for name in losses if name.startswith("depth.loss_l1_aux")]
        assert all(name.replace("loss_l1", "loss_soft_l1") in losses for name in auxiliary)

    def test_a_resumed_training_continues_exactly(self, built_model, tmp_path):
        model = copy.deepcopy(built_model).train()
        optimizer = sgd(model)
        train_steps(model, optimizer, [0])
        torch.save(dict(model=model.state_dict(), optimizer=optimizer.state_dict()), tmp_path / "state.pth")
        train_steps(model, optimizer, [1])
        state = torch.load(tmp_path / "state.pth", weights_only=True)
        resumed = self.model().train()
        resumed.load_state_dict(state["model"])
        optimizer = sgd(resumed)
        optimizer.load_state_dict(state["optimizer"])
        train_steps(resumed, optimizer, [1])
        for name, value in resumed.state_dict().items():
            assert torch.equal(value, model.state_dict()[name]), name

    @torch.no_grad()
    def test_averaged_weights(self, built_model):
        model = copy.deepcopy(built_model).eval()
        averaged = ExponentialMovingAverage(model, momentum=0.5, update_buffers=True)
        averaged.update_parameters(model)
        for parameter in model.parameters():
            parameter.add_(0.1)
        averaged.update_parameters(model)
        assert set(averaged.module.state_dict()) == set(model.state_dict())
        assert all(output.isfinite().all() for output in averaged.module.outputs(images()).values())

    @torch.no_grad()
    def test_outputs_do_not_depend_on_the_memory_format_of_the_weights(self, built_model):
        model, plain = copy.deepcopy(built_model).eval(), self.model(channels_last=False).eval()
        plain.load_state_dict(model.state_dict())
        expected = plain.outputs(images())
        batch = images().contiguous(memory_format=torch.channels_last)
        for task, output in model.outputs(batch).items():
            torch.testing.assert_close(output, expected[task], rtol=1e-3, atol=1e-4)
