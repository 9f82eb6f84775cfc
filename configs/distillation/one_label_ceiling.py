# Upper bound of the experiment "one_label": every image has all three labels.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_rooms.py",
    "../_base_/runtime.py",
]
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
