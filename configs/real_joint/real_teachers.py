# real_masked plus teachers: the network for CamVid labels the frames of KITTI, and the network for depth labels the
# images of IDD-Lite and CamVid. Their cameras differ from KITTI's, so that depth has no exact scale and little weight.
_base_ = "real_masked.py"
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type="DistillationHook",
        teachers=[
            dict(
                tasks=dict(semseg=dict(confidence=0.5)),
                config="{{ fileDirname }}/real_only_camvid.py",
                checkpoint="work_dirs/real_only_camvid",
                datasets=["kitti"],
            ),
            dict(
                tasks=dict(depth=dict(scale=256.0, max_depth=80.0, weight=0.2)),
                config="{{ fileDirname }}/real_only_depth.py",
                checkpoint="work_dirs/real_only_depth",
                datasets=["iddlite", "camvid"],
            ),
        ],
    ),
]
