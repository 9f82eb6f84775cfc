# one_label_masked plus three teachers, one per task, for the two labels that each image does not have.
_base_ = "one_label_masked.py"
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
