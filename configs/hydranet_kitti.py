# KITTI: six classes and depth, 2.99 M parameters (paper: 87.02 % mIoU, 3.453 m RMSE, with classes of a
# Cityscapes teacher for the frames with only depth). The schedule is that of the authors' later script; the paper's is
# only partly known.
#   Eigen's split: --cfg-options train_dataloader.dataset.datasets.kitti.split=eigen_train
#                  val_dataloader.dataset.datasets.kitti.split=eigen_test
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/kitti.py",
    "_base_/schedules/sgd_3x100.py",
    "_base_/runtime.py",
]
model = dict(
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=6, loss=dict(type="CrossEntropyLoss", loss_weight=0.5)),
        depth=dict(type="DepthHead", loss=dict(type="InverseHuberLoss", loss_weight=0.05)),
    )
)
val_evaluator = [
    dict(type="SegmentationMetric", dataset="kitti6"),
    dict(type="DepthMetric", dataset="kitti", protocol="kitti-eigen-80"),
]
test_evaluator = val_evaluator
