# One room of 7-Scenes: depth and normals, from ImageNet weights. Training and validation show the same room, so the
# scores say nothing about other rooms.
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/sevenscenes.py",
    "_base_/schedules/adamw_imagenet.py",
    "_base_/runtime.py",
]
# The outputs start near constants, as a random start gives noise that few steps do not remove.
model = dict(
    backbone=dict(pretrained=True),
    heads=dict(
        depth=dict(
            type="DepthHead",
            init_cfg=dict(type="Normal", layer=[], override=dict(type="Normal", name="out", std=1e-3, bias=2.0)),
            loss=dict(type="InverseHuberLoss", loss_weight=0.5),
        ),
        normals=dict(
            type="NormalsHead",
            init_cfg=dict(type="Normal", layer=[], override=dict(type="Normal", name="out", std=1e-3)),
            loss=dict(type="CosineLoss", loss_weight=5.0),
        ),
    ),
)
train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=10)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.005)]
val_evaluator = [dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
