# One network for the classes of IDD-Lite, the classes of CamVid, and the depth of a KITTI drive. Every image has a
# label for one task only; the losses of missing labels are masked.
_base_ = [
    "../_base_/models/hydranet.py",
    "../_base_/datasets/real_joint.py",
    "../_base_/schedules/adamw_imagenet.py",
    "../_base_/runtime.py",
]
camvid_range = (7, 18)
model = dict(
    backbone=dict(pretrained=True),
    heads=dict(
        semseg=dict(
            type="SegmentationHead",
            num_classes=18,
            ranges=dict(iddlite=(0, 7), camvid=camvid_range, kitti=camvid_range),
        ),
        # an output of 1 means eight metres
        depth=dict(
            type="DepthHead",
            scales=dict(iddlite=8.0, camvid=8.0, kitti=8.0),
            loss=dict(type="InverseHuberLoss", loss_weight=0.1),
        ),
    ),
)
train_cfg = dict(by_epoch=True, max_epochs=12, val_interval=12)
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.02)]
metrics = dict(
    iddlite=dict(type="SegmentationMetric", dataset="iddlite"),
    camvid=dict(type="SegmentationMetric", dataset="camvid"),
    kitti=dict(type="DepthMetric", dataset="kitti", protocol="kitti-eigen-80-scans"),
)
val_evaluator = [metrics["iddlite"], metrics["camvid"], metrics["kitti"]]
test_evaluator = val_evaluator
