# SynthRooms, classes and instances (Panoptic-DeepLab) and depth: a shared encoder, and a decoder for each task.
_base_ = [
    "../_base_/models/rooms_mt.py",
    "../_base_/datasets/synthrooms_panoptic.py",
    "../_base_/schedules/adamw_rooms_mt.py",
    "../_base_/runtime.py",
]
model = dict(
    heads=dict(
        semseg=None,
        normals=None,
        edge=None,
        panoptic=dict(
            type="PanopticHead",
            num_classes=40,
            stuff_classes=[0, 1, 21],  # wall, floor, ceiling
            decoder=dict(type="ConcatFeatures", channels=64),
            loss=[
                dict(type="SegmentClassLoss", loss_weight=0.5),
                dict(type="CentreLoss", loss_weight=50.0),
                dict(type="OffsetLoss", loss_weight=5.0),
            ],
        ),
    ),
)
val_evaluator = [dict(type="PanopticMetric"), dict(type="DepthMetric")]
test_evaluator = val_evaluator
