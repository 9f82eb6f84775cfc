# Checks that data is read correctly: overfits the few images of a folder's train.txt without augmentation and evaluates
# on the same images. A few hundred iterations should give nearly perfect predictions.
#   mtl train hydranet_nyud_overfit --cfg-options data_root=DIR
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/nyud.py",
    "_base_/schedules/adamw_poly.py",
    "_base_/runtime.py",
]
size = (240, 320)
model = dict(
    backbone=dict(pretrained=False),
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=40),
        depth=dict(type="DepthHead"),
        normals=dict(type="NormalsHead"),
    ),
)
train_pipeline = [dict(type="Resize", size=size), dict(type="PackSample")]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
train_dataloader = dict(
    batch_size=2,
    sampler=dict(_delete_=True, type="SeededInfiniteSampler", shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(split="train", pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(by_epoch=False, max_iters=300, val_interval=100)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type="PolyLR", power=0.9, eta_min=1e-6, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=100))
log_processor = dict(by_epoch=False)
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
