# The paper's last stage on KITTI: one network on everything. A ResNet-38 trained on Cityscapes answers for the classes
# of the frames that have depth alone, the depth teacher for the depth of the images that have classes alone.
#   1. python tools/convert_checkpoint.py cityscapes_best.pth work_dirs/wrn38.pth --from wrn38-cityscapes
#   2. python tools/train.py configs/distillation/kitti_depth_teacher.py
#   3. python tools/train.py configs/distillation/kitti_student.py
# The ResNet-38 is many times the student's size: tools/pseudo_label.py asks it once, in place of at each step.
_base_ = [
    "../_base_/models/hydranet.py",
    "../_base_/datasets/kitti.py",
    "../_base_/schedules/sgd_3x100.py",
    "../_base_/runtime.py",
]
model = dict(
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=6, loss=dict(type="CrossEntropyLoss", loss_weight=0.5)),
        depth=dict(type="DepthHead", loss=dict(type="InverseHuberLoss", loss_weight=0.05)),
    )
)
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
val_evaluator = [
    dict(type="SegmentationMetric", dataset="kitti6"),
    dict(type="DepthMetric", dataset="kitti", protocol="kitti-eigen-80"),
]
test_evaluator = val_evaluator
