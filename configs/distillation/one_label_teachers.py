# One label an image, and three teachers, each of one task, for the two that are missing.
_base_ = [
    "../_base_/models/hydranet_rooms.py",
    "../_base_/datasets/synthrooms_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
train_dataloader = dict(
    dataset=dict(label_shares=dict(semseg=(0.0, 1 / 3), depth=(1 / 3, 2 / 3), normals=(2 / 3, 1.0)))
)
optim_wrapper = dict(optimizer=dict(lr=1.2e-2))
train_cfg = dict(by_epoch=True, max_epochs=9, val_interval=9)
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type="DistillationHook",
        teachers=[
            dict(
                tasks=["semseg"],
                config="{{ fileDirname }}/one_label_classes_teacher.py",
                checkpoint="work_dirs/one_label_classes_teacher",
            ),
            dict(
                tasks=["depth"],
                config="{{ fileDirname }}/one_label_depth_teacher.py",
                checkpoint="work_dirs/one_label_depth_teacher",
            ),
            dict(
                tasks=["normals"],
                config="{{ fileDirname }}/one_label_normals_teacher.py",
                checkpoint="work_dirs/one_label_normals_teacher",
            ),
        ],
    ),
]
val_evaluator = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
