# The paper's last stage on KITTI: one network trained on all images. A ResNet-38 trained on Cityscapes provides classes
# for the frames with only depth; the depth teacher provides depth for the images with only classes.
#   1. mtl convert cityscapes_best.pth work_dirs/wrn38.pth --from wrn38-cityscapes
#   2. mtl train distillation/kitti_depth_teacher
#   3. mtl train distillation/kitti_student
# The ResNet-38 is many times larger than the student: mtl pseudo-label runs it once instead of in every step.
_base_ = "../hydranet_kitti.py"
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type="DistillationHook",
        teachers=[
            dict(
                tasks=dict(semseg=dict(class_map=("cityscapes19", "kitti6"), confidence=0.5)),
                config="{{ fileDirname }}/../teachers/wrn38_cityscapes.py",
                checkpoint="work_dirs/wrn38.pth",
                datasets=["kitti"],
            ),
            dict(
                tasks=dict(depth=dict(scale=256.0, max_depth=80.0)),
                config="{{ fileDirname }}/kitti_depth_teacher.py",
                checkpoint="work_dirs/kitti_depth_teacher",
                datasets=["kitti6"],
            ),
        ],
    ),
]
