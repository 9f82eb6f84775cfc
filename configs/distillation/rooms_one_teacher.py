# + the depth teacher: the tenth without depth gets its answers.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
model = dict(heads=dict(normals=None))
train_dataloader = dict(dataset=dict(label_shares=dict(depth=(0.0, 0.9), semseg=(0.9, 1.0))))
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=9, val_interval=9)
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type="DistillationHook",
        teachers=[
            dict(
                tasks=["depth"],
                config="{{ fileDirname }}/rooms_depth_teacher.py",
                checkpoint="work_dirs/rooms_depth_teacher",
            ),
        ],
    ),
]
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric")]
test_evaluator = val_evaluator
