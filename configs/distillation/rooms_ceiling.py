# Upper bound of the experiment "rooms": every image has classes and depth.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_rooms.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(normals=None))
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric")]
test_evaluator = val_evaluator
