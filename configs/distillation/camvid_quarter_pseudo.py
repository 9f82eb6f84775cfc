# A quarter of the images has classes; a teacher trained on that quarter labels the others.
_base_ = "camvid_quarter_ceiling.py"
train_dataloader = dict(dataset=dict(label_shares=dict(semseg=(0.0, 0.25))))
custom_hooks = [
    *_base_.custom_hooks,
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
