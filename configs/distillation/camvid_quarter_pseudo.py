# Every fourth image of CamVid has classes; a teacher that learnt from these answers for the others.
_base_ = [
    "../_base_/models/hydranet_camvid.py",
    "../_base_/datasets/camvid_small.py",
    "../_base_/schedules/adamw_poly.py",
    "../_base_/runtime.py",
]
train_dataloader = dict(dataset=dict(label_shares=dict(semseg=(0.0, 0.25))))
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=20)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type="EMAHook", ema_type="ExponentialMovingAverage", momentum=0.01),
    dict(
        type="DistillationHook",
        teachers=[
            dict(
                tasks=["semseg"],
                config="{{ fileDirname }}/camvid_quarter_teacher.py",
                checkpoint="work_dirs/camvid_quarter_teacher",
            ),
        ],
    ),
]
