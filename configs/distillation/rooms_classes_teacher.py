# The paper's second teacher: classes, learnt elsewhere (there on Cityscapes; here in rooms of another seed:
#   python tools/prepare_dataset.py synthrooms --seed 1 --num-train 1400 --num-val 100 --out data/synthrooms_elsewhere).
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
data_root = "data/synthrooms_elsewhere"
model = dict(heads=dict(depth=None, normals=None))
train_dataloader = dict(dataset=dict(tasks=["semseg"]))
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=14, val_interval=14)
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
