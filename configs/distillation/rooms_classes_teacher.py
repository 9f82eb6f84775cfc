# The paper's second teacher: classes learnt on another dataset. In the paper that is Cityscapes; here, other rooms:
#   mtl prepare synthrooms --seed 1 --num-train 1400 --num-val 100 --out data/synthrooms_elsewhere
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_rooms.py",
    "../_base_/runtime.py",
]
data_root = "data/synthrooms_elsewhere"
model = dict(heads=dict(depth=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["semseg"]))
train_cfg = dict(max_epochs=14, val_interval=14)
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
