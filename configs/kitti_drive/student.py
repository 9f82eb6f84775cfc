# One network for classes and depth: depth from the drive's laser scans, classes of CamVid, and for the drive's images
# the classes that a network trained on CamVid predicts.
#   mtl experiments kitti-drive    runs all stages
_base_ = "student_masked.py"
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type="DistillationHook",
        teachers=[
            dict(
                tasks=dict(semseg=dict(class_map=("camvid11", "kitti6"), confidence=0.5)),
                config="{{ fileDirname }}/../hydranet_camvid_imagenet.py",
                checkpoint="work_dirs/hydranet_camvid_imagenet",
                flip=True,
                datasets=["drive"],
            ),
        ],
    ),
]
