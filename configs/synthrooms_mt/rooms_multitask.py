# SynthRooms, three tasks, no interaction: a shared encoder and a decoder for each task. 800 steps on two cores.
_base_ = [
    "../_base_/models/rooms_mt.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_rooms_mt.py",
    "../_base_/runtime.py",
]
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
