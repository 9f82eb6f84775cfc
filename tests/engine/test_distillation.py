"""Teachers predict the missing labels, and only those."""

import copy
import sys

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import BaseDataElement, PixelData
from toy_run import ToyModel
from toy_run import build_runner as toy_runner

from mtl_plugins.apis import build_runner, load_config
from mtl_plugins.engine import DistillationHook, LabelSharesHook, Teacher, TeacherError
from mtl_plugins.engine.distillation import AveragedTeachers
from mtl_plugins.engine.label_shares_hook import label_shares
from mtl_plugins.functional.average_classes import average_classes
from mtl_plugins.functional.label_rounding import class_labels, depth_labels, normal_labels
from mtl_plugins.functional.normals_png import decode_normals, encode_normals
from mtl_plugins.kernels import library
from mtl_plugins.label_spaces import class_map, label_space
from mtl_plugins.models import TaskHead
from mtl_plugins.registry import MODELS
from mtl_plugins.structures import TaskData

SIZE = (32, 48)
CLASSES = 4
HEADS = dict(
    semseg=dict(type="SegmentationHead", num_classes=CLASSES),
    depth=dict(type="DepthHead"),
    normals=dict(type="NormalsHead"),
)


def network(heads=HEADS, seed=0, **options):
    init_default_scope("mtl_plugins")
    torch.manual_seed(seed)
    config = dict(
        type="MultiTaskModel",
        backbone=dict(type="TimmBackbone", model_name="test_efficientnet"),
        neck=dict(type="LightWeightRefineNet", channels=8),
        heads=copy.deepcopy(heads),
    )
    return MODELS.build(dict(config, **options))


def sample(seed=0, tasks=(), size=SIZE, **meta):
    generator = torch.Generator().manual_seed(seed)
    labels = dict(
        semseg=torch.randint(CLASSES, (1, *size), generator=generator, dtype=torch.uint8),
        depth=torch.rand(1, *size, generator=generator) + 1,
        normals=torch.nn.functional.normalize(torch.randn(3, *size, generator=generator), dim=0),
    )
    about = dict(img_path=f"{seed}.png", img_shape=size, ori_shape=size) | meta
    return BaseDataElement(metainfo=about, gt=PixelData(**{task: labels[task] for task in tasks}))


def batch(*samples):
    images = [
        torch.randint(256, (3, *s.img_shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(90 + i))
        for i, s in enumerate(samples)
    ]
    return dict(inputs=images, data_samples=list(samples))


def hook(*teachers, model=None, **options):
    """A hook in its state before the first step of `model`."""
    made = DistillationHook([dict(tasks=teacher.tasks) for teacher in teachers], **options)
    made._heads, made.teachers = dict((model or network(seed=5)).heads), list(teachers)
    return made


def teacher(tasks, model=None, **options):
    return Teacher(tasks, model=model or network(seed=1), precision="float32", name="the oracle", **options)


class Constant(torch.nn.Module):
    """A teacher that predicts one value everywhere."""

    def __init__(self, value, tasks=("semseg",), size=None):
        super().__init__()
        self.value, self.tasks, self.size = value, tasks, size
        self.data_preprocessor = MODELS.build(dict(type="MultiTaskDataPreprocessor"))
        self.calls = []

    def predict_scores(self, images, size, dataset=None, tasks=None):
        self.calls.append((len(images), tasks))
        value = torch.as_tensor(self.value, dtype=torch.float32)
        shape = (len(images), len(value), *(self.size or size))
        return {task: value.view(1, -1, 1, 1).expand(shape) for task in tasks}


def test_missing_labels_are_filled_and_existing_ones_are_kept():
    samples = [sample(0, ("semseg",)), sample(1, ("depth",)), sample(2, ("semseg", "depth", "normals")), sample(3)]
    data = batch(*samples)
    before = copy.deepcopy(samples)
    hook(teacher(["semseg", "depth", "normals"])).fill(data)
    for old, original, new in zip(before, samples, data["data_samples"], strict=True):
        assert set(new.gt.keys()) == set(HEADS)
        assert set(new.get("pseudo", ())) == set(HEADS) - set(old.gt.keys())
        for task in old.gt.keys():
            assert torch.equal(new.gt.get(task), old.gt.get(task))
        assert set(original.gt.keys()) == set(old.gt.keys()), "the sample of the dataset is not modified"
    assert data["data_samples"][2] is samples[2]
    kinds = {task: data["data_samples"][3].gt.get(task) for task in HEADS}
    assert kinds["semseg"].dtype == torch.uint8 and kinds["semseg"].shape == (1, *SIZE)
    assert kinds["depth"].dtype == torch.float32 and (kinds["depth"] >= 0).all()
    torch.testing.assert_close(kinds["normals"].square().sum(0), torch.ones(SIZE))


def test_pseudo_labels_equal_the_predictions_of_the_teacher():
    model = network(seed=1).eval()
    data = batch(sample(0), sample(1))
    hook(teacher(list(HEADS), model)).fill(data)
    predicted = model.val_step(batch(sample(0), sample(1)))
    for found, wanted in zip(data["data_samples"], predicted, strict=True):
        same = (found.gt.semseg == wanted.pred.semseg).float().mean()
        assert same > 0.98  # bilinear scores here, bicubic logits there
        assert (found.gt.depth - wanted.pred.depth).abs().max() < 0.2


def test_only_missing_labels_are_predicted():
    model = Constant([0.1, 0.9, 0, 0], tasks=("semseg", "depth"))
    filler = hook(teacher(dict(semseg={}, depth=dict(kind="map")), model))
    full = sample(0, ("semseg", "depth"))
    filler.fill(batch(full, full))
    assert model.calls == [], "the teacher is not called without a missing label"
    filler.fill(batch(full, sample(1, ("depth",)), sample(2, ("depth",))))
    assert model.calls == [(2, ("semseg",))]
    filler.fill(batch(sample(1), sample(2)))
    assert model.calls[1:] == [(2, ("semseg", "depth"))]


def test_pixels_of_low_confidence_are_void():
    data = batch(sample(0))
    hook(teacher(dict(semseg=dict(confidence=0.8)), Constant([0.3, 0.7, 0, 0]))).fill(data)
    assert (data["data_samples"][0].gt.semseg == 255).all()
    data = batch(sample(0))
    hook(teacher(dict(semseg=dict(confidence=0.6)), Constant([0.3, 0.7, 0, 0]))).fill(data)
    assert (data["data_samples"][0].gt.semseg == 1).all()


def test_a_class_map_converts_and_sums_scores():
    names = label_space("cityscapes19").classes
    scores = torch.zeros(1, 19, 2, 2)
    scores[:, names.index("person")] = 0.4  # kitti6 has none: void
    scores[:, names.index("car")], scores[:, names.index("bus")] = 0.3, 0.3  # both are car
    lut = torch.from_numpy(class_map("cityscapes19", "kitti6"))
    ids, confidence = class_labels(scores, 0.5, lut)
    assert (ids == label_space("kitti6").classes.index("car")).all() and (confidence == 153).all()
    scores[:, names.index("person")] = 0.9
    assert (class_labels(scores, 0.0, lut)[0] == 255).all()


def test_labels_equal_those_read_from_files():
    depth = torch.rand(1, 1, 9, 11) * 12
    stored = torch.from_numpy(np.rint(depth_labels(depth, 5000.0).numpy() * 5000).astype(np.uint16).astype(np.float32))
    assert torch.equal(stored / 5000, depth_labels(depth, 5000.0))
    assert (depth_labels(depth, 5000.0) - depth).abs().max() <= 0.5 / 5000 + 1e-6
    assert depth_labels(torch.tensor([[14.0, 5.0, 0.00001]]), 5000.0, 6.0).tolist() == [[0, 5, 0]]
    normals = torch.nn.functional.normalize(torch.randn(1, 3, 9, 11), dim=1)
    read = decode_normals(torch.from_numpy(encode_normals(normals[0].permute(1, 2, 0).numpy())).permute(2, 0, 1))
    assert torch.equal(read, normal_labels(normals)[0])


def test_the_label_weight_scales_the_loss():
    student = network(seed=5)
    losses = []
    for weight in (1.0, 0.25):
        data = batch(sample(0), sample(1))
        hook(teacher(dict(depth=dict(weight=weight))), model=student).fill(data)
        assert data["data_samples"][0].label_weights == {"depth": weight}
        inputs = student.data_preprocessor(data, True)
        losses.append(student(**inputs, mode="loss")["depth.loss_berhu"])
    torch.testing.assert_close(losses[1], 0.25 * losses[0])


def test_warm_up_and_start():
    filler = hook(teacher(["depth"]), start=2, warm_up=4)
    assert [filler.growth(i) for i in range(8)] == [0, 0, 0.25, 0.5, 0.75, 1, 1, 1]
    assert hook(teacher(["depth"])).growth(0) == 1
    with pytest.raises(ValueError, match="at least one teacher"):
        DistillationHook([])


def test_soft_targets_and_hints_have_losses_and_gradients():
    heads = copy.deepcopy(HEADS)
    heads["semseg"]["soft_loss"] = dict(type="KLDivergenceLoss", temperature=2.0)
    heads["depth"]["soft_loss"] = dict(type="L1Loss")
    student = network(heads, seed=5, hint=dict(type="FeatureHint", teacher_channels=8))
    data = batch(sample(0, ("semseg",)), sample(1, tuple(HEADS)))
    tasks = dict(semseg=dict(soft=True), depth=dict(soft=True))
    hook(teacher(tasks, hint=True), model=student).fill(data)
    losses = student(**student.data_preprocessor(data, True), mode="loss")
    assert {"depth.loss_soft_l1", "hint.loss_hint"} <= set(losses) and "semseg.loss_soft_kl" not in losses
    data = batch(sample(0), sample(1))
    hook(teacher(tasks, hint=True), model=student).fill(data)
    losses = student(**student.data_preprocessor(data, True), mode="loss")
    losses["semseg.loss_soft_kl"].backward(retain_graph=True)
    assert student.heads["semseg"].out.weight.grad.abs().sum() > 0
    losses["hint.loss_hint"].backward()
    assert student.hint.adapt.weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="has no soft_loss"):
        network(seed=5)(**student.data_preprocessor(data, True), mode="loss")


def test_the_soft_loss_of_a_student_equal_to_its_teacher_is_zero():
    heads = dict(semseg=dict(type="SegmentationHead", num_classes=CLASSES, soft_loss=dict(type="KLDivergenceLoss")))
    model = network(heads, seed=1).eval()
    data = batch(sample(0))
    hook(teacher(dict(semseg=dict(soft=True)), model), model=model).fill(data)
    loss = model(**model.data_preprocessor(data, False), mode="loss")["semseg.loss_soft_kl"]
    assert 0 <= loss < 1e-3  # not exactly zero: the teacher's scores were resized


def test_a_teacher_with_flip_is_symmetric():
    oracle = teacher(list(HEADS), flip=True)
    data = batch(sample(0))
    plain = oracle.scores(data["inputs"], data["data_samples"], tuple(HEADS))
    mirrored = oracle.scores([data["inputs"][0].flip(-1)], data["data_samples"], tuple(HEADS))
    for task in HEADS:
        back = oracle.model.undo_mirror(task, mirrored[task][0][None])[0]
        torch.testing.assert_close(back, plain[task][0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [(64, 96), 0.5])
def test_a_teacher_gets_images_of_its_input_size(size, monkeypatch):
    oracle = teacher(["depth"], input_size=size)
    seen = []
    body = oracle.model.backbone.forward
    monkeypatch.setattr(oracle.model.backbone, "forward", lambda x: seen.append(tuple(x.shape[-2:])) or body(x))
    data = batch(sample(0))
    [depth] = oracle.scores(data["inputs"], data["data_samples"], ("depth",))["depth"]
    assert seen == [(64, 96) if size == (64, 96) else (16, 24)] and depth.shape == (1, *SIZE)


def test_images_of_several_sizes_and_datasets():
    model = Constant([1.0, 0, 0, 0])
    data = batch(sample(0), sample(1, size=(16, 16)), sample(2, dataset="kitti"), sample(3, dataset="nyud"))
    filler = hook(teacher(["semseg"], model, datasets=["kitti"]))
    filler.fill(data)
    assert ["semseg" in s.gt for s in data["data_samples"]] == [False, False, True, False]
    filler = hook(teacher(["semseg"], model))
    filler.fill(data)
    assert all("semseg" in s.gt for s in data["data_samples"]) and sum(n for n, _ in model.calls) == 4


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Constant([float("nan"), 0, 0, 0]),
            r"The teacher the oracle predicts NaN or infinity for semseg .*images: 0.png",
        ),
        (Constant([1.0, 0, 0, 0], size=(8, 8)), r"the oracle predicts semseg with the shape \(1, 4, 8, 8\)"),
        (Constant([1.0, 0, 0]), r"the oracle predicts 3 classes for semseg, but the head has 4"),
    ],
)
def test_errors_about_bad_predictions_name_the_teacher(model, message):
    with pytest.raises(TeacherError, match=message):
        hook(teacher(["semseg"], model)).fill(batch(sample(0)))


def test_invalid_settings_raise():
    with pytest.raises(ValueError, match="no option 'confidense'. Its options are: .*confidence"):
        teacher(dict(semseg=dict(confidense=1)))
    with pytest.raises(ValueError, match="has no task 'edges'; its tasks are semseg, depth, normals"):
        teacher(["edges"])
    with pytest.raises(ValueError, match="needs either model="):
        Teacher(["semseg"])
    with pytest.raises(TeacherError, match=r"class_map .*'cityscapes19'.* starts from 19"):
        wrong = teacher(dict(semseg=dict(class_map=("cityscapes19", "kitti6"))), Constant([1.0, 0, 0, 0]))
        hook(wrong).fill(batch(sample(0)))


@pytest.mark.parametrize("given", [True, False])
def test_a_hint_of_only_student_or_teacher_raises(given):
    student = network(seed=5, hint=None if given else dict(type="FeatureHint", teacher_channels=8))
    with pytest.raises(ValueError, match=r"Add model\.hint=" if given else "Add hint=True"):
        DistillationHook([dict(tasks=["depth"], model=network(seed=1), hint=given)]).prepare(student)


class SceneHead(TaskHead):
    """Logits (N, 3) of one class per image."""

    kind = "image_classes"

    def __init__(self, in_channels, in_strides, **kwargs):
        super().__init__(**kwargs)
        self.classifier = torch.nn.Linear(in_channels[0], 3)

    def forward(self, features):
        return self.classifier(features[0].mean((2, 3)))


class TreeHead(SceneHead):
    def forward(self, features):
        return dict(coarse=super().forward(features), fine=features[0])


class NeckByTask(torch.nn.Module):
    """One list of features per task."""

    def __init__(self, in_channels, in_strides):
        super().__init__()
        self.out_channels, self.out_strides = in_channels, in_strides

    def forward(self, features):
        return dict(depth=list(features))


def test_preparing_twice_uses_the_same_settings():
    made = DistillationHook([dict(ema=True, tasks=["depth"])])
    for _ in range(2):
        with pytest.raises(ValueError, match="ema=True is the averaged model of an EMAHook"):
            made.prepare(network())


@pytest.mark.parametrize("flip", [False, True])
def test_a_teacher_labels_complete_images(flip):
    model = network(dict(scene=dict(type=SceneHead)), seed=1)
    data = batch(sample(0), sample(1, size=(16, 16)))
    hook(teacher(["scene"], model, flip=flip), model=model).fill(data)
    labels = [s.gt.scene for s in data["data_samples"]]
    assert all(label.shape == (1,) and label.dtype == torch.int64 and 0 <= label < 3 for label in labels)


def test_a_teacher_whose_head_returns_several_tensors_raises():
    model = network(dict(scene=dict(type=TreeHead)), seed=1)
    with pytest.raises(TeacherError, match="the oracle predicts a dict for scene.*remove scene from the teacher"):
        hook(teacher(["scene"], model, flip=True), model=model).fill(batch(sample(0)))


def test_hints_need_one_list_of_features():
    model = network(dict(depth=dict(type="DepthHead")), neck=dict(type=NeckByTask))
    with pytest.raises(TeacherError, match=r"features by task \(depth\).*Remove hint=True"):
        hook(teacher(["depth"], model, hint=True), model=model).fill(batch(sample(0)))


def test_a_teacher_on_a_cpu_loads_the_kernels(monkeypatch):
    if not library.warm_up():
        pytest.skip("the kernels cannot be compiled here")
    monkeypatch.setattr(library, "_library", None)  # as in a new process
    monkeypatch.setattr(library, "_warmed_up", False)
    teacher(["depth"]).to("cpu")
    assert library.kernel_library() is not None


def test_a_checkpoint_with_another_normalisation_warns(tmp_path, capture_log):
    config = dict(
        type="MultiTaskModel",
        backbone=dict(type="TimmBackbone", model_name="test_efficientnet"),
        heads=dict(depth=dict(type="DepthHead")),
    )
    meta = dict(cfg="", normalisation=dict(mean=[0.25] * 3, std=[0.25] * 3))
    torch.save(dict(meta=meta, state_dict=MODELS.build(config).state_dict()), tmp_path / "teacher.pth")
    Teacher(["depth"], model=config, checkpoint=tmp_path / "teacher.pth")
    log = capture_log()
    assert "teacher's checkpoint" in log and "normalised with mean [0.25, 0.25, 0.25]" in log


def test_shares_of_real_pseudo_and_void_pixels():
    first, second, third = sample(0, ("depth",)), sample(1, ("depth",)), sample(2)
    first.gt.depth[:, : SIZE[0] // 2] = 0
    second.set_metainfo(dict(pseudo=("depth",)))
    shares = label_shares([first, second, third], "depth")
    assert shares == pytest.approx(dict(real=1 / 6, pseudo=1 / 3, void=1 / 2))
    assert label_shares([third], "semseg") == dict(real=0, pseudo=0, void=1)


def test_shares_of_images_with_vectors_and_trees():
    scenes = [BaseDataElement(metainfo=dict(ori_shape=SIZE), gt=TaskData(scene=torch.tensor([i]))) for i in (-1, 2)]
    assert label_shares(scenes, "scene") == dict(real=0.5, pseudo=0, void=0.5)
    tree = TaskData(panoptic=dict(centre=torch.zeros(1, *SIZE), offset=torch.zeros(2, *SIZE)))
    samples = [BaseDataElement(metainfo=dict(ori_shape=SIZE), gt=tree)]
    assert label_shares(samples, "panoptic") == dict(real=1, pseudo=0, void=0)


def test_shares_are_logged_for_tasks_with_missing_labels(tmp_path):
    runner = toy_runner(tmp_path, model=ToyModel(heads=("semseg", "depth")))
    shares = LabelSharesHook(interval=2)

    def logged():
        scalars = runner.message_hub.log_scalars
        return {name: value.current() for name, value in scalars.items() if name.startswith("train/")}

    full, partial = [sample(0, ("semseg", "depth"))], [sample(0, ("semseg", "depth")), sample(1, ("semseg",))]
    for runner.train_loop._iter, samples in enumerate([full, full, partial]):
        shares.before_train_iter(runner, runner.iter, dict(data_samples=samples))
    assert not logged()  # the first two batches have all labels, and the third is not logged yet with interval=2
    runner.train_loop._iter = 3
    shares.before_train_iter(runner, 3, dict(data_samples=full))
    assert logged() == {"train/depth/real": 100, "train/depth/pseudo": 0, "train/depth/void": 0}
    with pytest.raises(ValueError, match="interval=0"):
        LabelSharesHook(interval=0)


SMP = dict(type="SMPModel", arch="Unet", encoder_name="timm-mobilenetv3_small_minimal_100", classes=CLASSES)
TORCHVISION = dict(type="TorchvisionModel", name="lraspp_mobilenet_v3_large", num_classes=CLASSES)


@pytest.mark.parametrize("config", [SMP, TORCHVISION], ids=lambda config: config["type"])
def test_third_party_networks_are_built_from_configs(config, tmp_path):
    init_default_scope("mtl_plugins")
    weights = MODELS.build(config).network.state_dict()
    torch.save(weights, tmp_path / "published.pth")  # in the format of its library
    oracle = Teacher(["semseg"], model=config, checkpoint=tmp_path / "published.pth", precision="float32")
    assert torch.equal(next(oracle.model.network.parameters()), next(iter(weights.values())))
    data = batch(sample(0), sample(1, size=(37, 50)))
    hook(oracle).fill(data)
    assert [s.gt.semseg.shape for s in data["data_samples"]] == [(1, *SIZE), (1, 37, 50)]
    with pytest.raises(ValueError, match="belongs to another model"):
        Teacher(["semseg"], model=config, checkpoint=_saved(network().state_dict(), tmp_path / "other.pth"))


def _saved(weights, path):
    torch.save(weights, path)
    return path


def test_a_teacher_without_weights_is_reported_in_the_log(capture_log):
    oracle = Teacher(["semseg"], model=dict(type="SMPModel", arch="Unet", encoder_name="mobilenet_v2", classes=CLASSES))
    assert oracle.name == "SMPModel Unet"
    assert "The teacher SMPModel Unet has no checkpoint and predicts with random weights" in capture_log()
    with pytest.raises(TypeError, match="tasks are a list of names"):
        Teacher("semseg", model=dict(type="SMPModel", arch="Unet"))


@pytest.mark.parametrize("fixed", [False, True])
def test_an_onnx_file_can_be_a_teacher(fixed, tmp_path):
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    shape = (2, 3, 16, 24) if fixed else ("n", 3, "h", "w")
    out = (2, CLASSES, 16, 24) if fixed else ("n", CLASSES, "h", "w")
    weight = np.random.default_rng(0).standard_normal((CLASSES, 3, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w"], ["logits"])],
        "linear",
        [helper.make_tensor_value_info("image", floats, shape)],
        [helper.make_tensor_value_info("logits", floats, out)],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "t.onnx")
    oracle = Teacher(
        ["semseg"], model=dict(type="OnnxModel", file=str(tmp_path / "t.onnx"), tasks=dict(semseg="classes"))
    )
    data = batch(sample(0), sample(1), sample(2))
    scores = oracle.scores(data["inputs"], data["data_samples"], ("semseg",))["semseg"]
    assert [tuple(score.shape) for score in scores] == [(CLASSES, *SIZE)] * 3
    if not fixed:
        images = oracle.model.data_preprocessor(data, False)["inputs"]
        expected = torch.nn.functional.conv2d(images, torch.from_numpy(weight)).softmax(1)
        torch.testing.assert_close(torch.stack(scores), expected, atol=1e-5, rtol=1e-4)
    with pytest.raises(FileNotFoundError, match="nowhere.onnx does not exist"):
        MODELS.build(dict(type="OnnxModel", file="nowhere.onnx", tasks=dict(semseg="classes")))


@pytest.fixture
def run(root, nyud_folder, make_light, tmp_path):
    """Train a tiny student with missing labels; a depth network and the averaged student are its teachers."""
    checkpoint = tmp_path / "teacher.pth"

    def train(work_dir, epochs=2, resume=False, **options):
        cfg = load_config(root / "configs" / "hydranet_nyud_three.py")
        cfg.model.backbone.model_name, cfg.model.neck.channels = "test_efficientnet", 8
        if not checkpoint.exists():
            torch.manual_seed(1)
            torch.save(MODELS.build(cfg.model).state_dict(), checkpoint)
        cfg = make_light(cfg, nyud_folder, work_dir)
        cfg.train_dataloader.dataset.limit = 6
        cfg.train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=1)
        cfg.resume = resume
        next(hook for hook in cfg.custom_hooks if hook.type == "LabelSharesHook").interval = 1
        cfg.custom_hooks += [
            dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.1),
            dict(
                type="DistillationHook",
                warm_up=4,
                teachers=[
                    dict(tasks=["depth"], model=copy.deepcopy(cfg.model), checkpoint=str(checkpoint)),
                    dict(tasks=["semseg", "normals"], ema=True),
                ],
            ),
        ]
        cfg.merge_from_dict(options)
        runner = build_runner(cfg)
        runner.train()
        return runner

    return train


def test_a_resumed_run_ends_like_an_uninterrupted_one(run, tmp_path):
    uninterrupted = run(tmp_path / "uninterrupted")
    run(tmp_path / "stopped", epochs=1)
    resumed = run(tmp_path / "stopped", resume=True)
    for key, value in uninterrupted.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[key]), key
    shares = uninterrupted.message_hub.log_scalars
    assert shares["train/depth/pseudo"].mean() > 0 and shares["train/depth/real"].mean() > 0
    total = sum(shares[f"train/depth/{name}"].current() for name in ("real", "pseudo", "void"))
    assert total == pytest.approx(100)


def test_validation_uses_no_pseudo_labels(run, tmp_path):
    run(
        tmp_path / "run",
        epochs=1,
        log_level="INFO",
        **{"val_dataloader.dataset.split": "train", "val_dataloader.dataset.limit": 6},
    )
    log = next((tmp_path / "run").rglob("*.log")).read_text()
    assert "depth: nyud (no crop, 0.001-10 m, pixel-wise average; raw depth), 4 images" in log


def test_a_teachers_config_may_import_modules_from_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "module_of_a_teacher.py").write_text("")
    (tmp_path / "teacher.py").write_text(
        f"custom_imports = dict(imports='module_of_a_teacher')\nmodel = {TORCHVISION}\n"
    )
    teacher = Teacher(["semseg"], config=tmp_path / "teacher.py")
    assert "semseg" in teacher.model.tasks and "module_of_a_teacher" in sys.modules


def test_a_missing_work_directory_of_a_teacher_names_its_training(tmp_path):
    (tmp_path / "teacher.py").write_text(f"model = {TORCHVISION}\n")
    with pytest.raises(
        FileNotFoundError, match="runs does not exist. Train it first with mtl train .*teacher.py --work"
    ):
        Teacher(["semseg"], config=tmp_path / "teacher.py", checkpoint=tmp_path / "runs")


def test_a_checkpoint_needs_no_ending(tmp_path):
    (tmp_path / "weights").write_bytes(b"no checkpoint")
    (tmp_path / "teacher.py").write_text(f"model = {TORCHVISION}\n")
    with pytest.raises(ValueError, match=r"weights \(13 bytes\) is not a complete checkpoint"):
        Teacher(["semseg"], config=tmp_path / "teacher.py", checkpoint=tmp_path / "weights")


def averaged(*values, confidence=0.3, maps=None, **options):
    """Teachers that predict constant class probabilities, averaged."""
    maps = maps or [None] * len(values)
    members = [
        dict(model=Constant(value), tasks=dict(semseg=dict(class_map=table)), precision="float32")
        for value, table in zip(values, maps, strict=True)
    ]
    return AveragedTeachers(members, dict(semseg=dict(confidence=confidence)), **options)


def test_probabilities_of_several_teachers_are_averaged():
    data = batch(sample(0), sample(1, ("semseg",)))
    before = data["data_samples"][1]
    made = averaged((0.6, 0.4, 0, 0), (0.1, 0.9, 0, 0))
    hook(made).fill(data)
    assert (data["data_samples"][0].gt.semseg == 1).all() and data["data_samples"][0].pseudo == ("semseg",)
    assert data["data_samples"][1] is before and [len(member.model.calls) for member in made.members] == [1, 1]
    unsure = batch(sample(0))
    hook(averaged((0.6, 0.4, 0, 0), (0.1, 0.9, 0, 0), confidence=0.7)).fill(unsure)
    assert (unsure["data_samples"][0].gt.semseg == 255).all(), "the average, 0.65, is below the confidence"


def test_teachers_with_different_label_spaces_are_averaged_in_that_of_the_student():
    spaces = [("camvid11", "kitti6"), ("cityscapes19", "kitti6")]
    names = [label_space(source).classes for source, _ in spaces]

    def probabilities(position, **shares):
        values = torch.zeros(len(names[position]))
        for name, share in shares.items():
            values[names[position].index(name)] = share
        return values

    heads = dict(HEADS, semseg=dict(type="SegmentationHead", num_classes=6))
    both = averaged(
        probabilities(0, car=0.5, pedestrian=0.5), probabilities(1, truck=0.3, bus=0.3, person=0.4), maps=spaces
    )
    data = batch(sample(0))
    hook(both, model=network(heads)).fill(data)
    assert (data["data_samples"][0].gt.semseg == label_space("kitti6").classes.index("car")).all()
    pedestrians = averaged(probabilities(0, car=0.4, pedestrian=0.6), probabilities(1, car=0.4, rider=0.6), maps=spaces)
    data = batch(sample(0))
    hook(pedestrians, model=network(heads)).fill(data)
    assert (data["data_samples"][0].gt.semseg == 255).all(), "the target has no class for them"


def test_a_class_is_averaged_over_the_teachers_that_know_it():
    def scores(*values):
        return torch.tensor(values).view(1, -1, 1, 1)

    table = torch.tensor([0, 255, 255], dtype=torch.uint8)  # only sky; the rest may be anything
    found = average_classes([scores(0.1, 0.6, 0.3), scores(0.1, 0.7, 0.2)], [None, table])
    torch.testing.assert_close(found, scores(0.1, 0.6, 0.3))
    found = average_classes([scores(0.4, 0.6, 0.0), scores(1.0, 0.0, 0.0)], [None, table])
    torch.testing.assert_close(found, scores(0.7, 0.6, 0.0))
    with_void = torch.tensor([0, 1, 255], dtype=torch.uint8)
    found = average_classes([scores(0.1, 0.3, 0.6), scores(0.1, 0.8, 0.1)], [with_void, table])
    assert not found.any(), "void is decided by the network with the most classes"


def test_averaged_metres_and_files_of_averaged_teachers():
    members = [dict(model=Constant([metres], ("depth",)), tasks=dict(depth=None)) for metres in (2.0, 4.0)]
    data = batch(sample(0))
    made = AveragedTeachers(members, ["depth"])
    hook(made).fill(data)
    assert torch.allclose(data["data_samples"][0].gt.depth, torch.tensor(3.0))
    made = hook(teacher(["depth"]))
    made.configs = [dict(average=members, tasks=["depth"])]
    made.prepare(network())
    assert isinstance(made.teachers[0], AveragedTeachers) and made.teachers[0].name


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: averaged((0.5, 0.5)), "needs at least two teachers"),
        (lambda: averaged((1, 0), (1, 0), confidence=0.0), "needs a confidence above 0"),
        (
            lambda: AveragedTeachers([dict(tasks=["depth"]), dict(tasks=["semseg"])], ["depth"]),
            "each teacher needs all of the tasks depth",
        ),
        (
            lambda: AveragedTeachers([dict(tasks=["depth"], hint=True)] * 2, ["depth"]),
            "none of the options hint, ema and datasets",
        ),
        (
            lambda: AveragedTeachers([dict(tasks=["semseg"])] * 2, dict(semseg=dict(class_map=("a", "b")))),
            "class_map of semseg belongs to each of the teachers",
        ),
    ],
)
def test_invalid_averages_raise(build, message):
    with pytest.raises(ValueError, match=message):
        build()
