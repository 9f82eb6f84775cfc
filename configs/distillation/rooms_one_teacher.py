# rooms_masked plus the depth teacher, which labels the tenth of the images without depth.
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
        ],
    ),
]
