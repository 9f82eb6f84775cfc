# One drive of KITTI's raw data with the single laser scans of its car, as any robot with a scanner records them:
#   mtl prepare kitti-depth --raw RAW --eigen-train TRAIN.txt --eigen-test TEST.txt --out data/kitti_drive
# where the lists name the frames of the drive's beginning and of its end.
#
# The network sees half-size images. `Resize` does that: it keeps the metres of depth, because an input size is no zoom.
# It must be the same in training, test and prediction. A RandomZoom of 0.5 would change the metres, and all predictions
# would be wrong by a factor of two. `sparse=True` keeps the readings that nearest-neighbour resizing would drop.
#
# The camera is fixed to the car, so images are neither zoomed nor cropped (see FixedCameraDepthHead).
_base_ = "../loaders.py"
data_root = "data"
size = (192, 640)
train_pipeline = [
    dict(type="Resize", size=size, sparse=True),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.5, contrast=0.5, saturation=0.5, hue=0.1),
    dict(type="RandomGrayscale", p=0.15),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
drive = dict(
    type="KITTIDepth",
    data_root="{data_root}/kitti_drive",
    depth="lidar",
    cameras=(2,),
    depth_range=(0.0, 100.0),
    label_space="kitti6",
)
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type="MultiDatasetSampler", length=160),
    dataset=dict(
        type="MultiDataset",
        datasets=dict(drive=dict(split="eigen_train", pipeline=train_pipeline, cache="memory", **drive)),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type="MultiDataset",
        datasets=dict(drive=dict(split="eigen_test", pipeline=test_pipeline, **drive)),
    ),
)
test_dataloader = val_dataloader
