# rooms_masked plus both teachers: every image has a label for every task.
_base_ = "rooms_masked.py"
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
            dict(
                tasks=["semseg"],
                config="{{ fileDirname }}/rooms_classes_teacher.py",
                checkpoint="work_dirs/rooms_classes_teacher",
            ),
        ],
    ),
]
