# One network for indoors and outdoors: the 40 classes of NYUDv2 and the 6 of KITTI-6 in one head of 46, and depth
# (paper: 38.76 % mIoU and 0.59 m RMSE on NYUDv2, 86.1 % and 3.659 m on KITTI).
_base_ = [
    "_base_/models/hydranet.py",
    "_base_/datasets/nyud_kitti.py",
    "_base_/schedules/sgd_3x100.py",
    "_base_/runtime.py",
]
model = dict(
    heads=dict(
        semseg=dict(
            type="SegmentationHead",
            num_classes=46,
            ranges=dict(nyud=(0, 40), kitti=(40, 46), kitti6=(40, 46)),
            loss=dict(type="CrossEntropyLoss", loss_weight=0.5),
        ),
        # an output of 1 means one metre indoors and eight outdoors; the loss uses these units
        depth=dict(
            type="DepthHead",
            scales=dict(nyud=1.0, kitti=8.0, kitti6=8.0),
            dataset_weights=dict(kitti=1 / 8, kitti6=1 / 8),
            loss=dict(type="InverseHuberLoss", loss_weight=0.5),
        ),
    )
)
val_evaluator = [
    dict(type="SegmentationMetric", dataset="nyud"),
    dict(type="DepthMetric", dataset="nyud", protocol="nyud"),
    dict(type="SegmentationMetric", dataset="kitti6"),
    dict(type="DepthMetric", dataset="kitti", protocol="kitti-eigen-80"),
]
test_evaluator = val_evaluator
