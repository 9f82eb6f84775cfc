# The demo: classes, depth and normals of rendered rooms, trained from scratch in a few minutes on two cores.
_base_ = [
    "_base_/models/hydranet_rooms.py",
    "_base_/datasets/synthrooms.py",
    "_base_/schedules/adamw_rooms.py",
    "_base_/runtime.py",
]
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
