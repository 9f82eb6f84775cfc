# Three datasets of roads: seven classes (IDD-Lite), eleven classes (CamVid), and depth of single laser scans (one drive
# of KITTI). No image has labels of two of them. Crops have one size, so that a batch contains images of all datasets,
# like the statistics of batch norm. `Resize` comes before `RandomZoom`: an input size keeps the metres of depth, a zoom
# changes them.
_base_ = "../loaders.py"
data_root = "data"
crop = (160, 256)
kitti_height, camvid_height = 192, 240  # of the network's input; metrics have the stored size
augment = [
    dict(type="RandomCrop", size=crop),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
iddlite = dict(type="IDDLite", data_root="{data_root}/idd_lite")
camvid = dict(type="CamVid", data_root="{data_root}/camvid")
kitti = dict(
    type="KITTIDepth",
    data_root="{data_root}/kitti_raw",
    label_space="camvid11",  # of the classes that are predicted for these frames
    depth="lidar",
    depth_range=(0.0, 80.0),  # metres
)
train_parts = dict(
    iddlite=dict(split="train", pipeline=[dict(type="RandomZoom", scale=(0.75, 1.75), p=1.0), *augment], **iddlite),
    camvid=dict(
        split="train",
        pipeline=[
            dict(type="Resize", size=camvid_height),
            dict(type="RandomZoom", scale=(0.75, 1.5), p=1.0),
            *augment,
        ],
        **camvid,
    ),
    kitti=dict(
        ann_file="train_files.txt",
        pipeline=[
            dict(type="Resize", size=kitti_height, sparse=True),
            dict(type="RandomZoom", scale=(0.8, 1.25), p=0.5),
            *augment,
        ],
        **kitti,
    ),
)
val_parts = dict(
    iddlite=dict(split="val", pipeline=[dict(type="PackSample")], **iddlite),
    camvid=dict(
        split="val", pipeline=[dict(type="ResizeInput", size=camvid_height), dict(type="PackSample")], **camvid
    ),
    kitti=dict(
        ann_file="val_files.txt",
        pipeline=[dict(type="ResizeInput", size=kitti_height), dict(type="PackSample")],
        **kitti,
    ),
)
predict_pipeline = [dict(type="ResizeInput", size=kitti_height), dict(type="PackSample")]
batch = dict(iddlite=6, camvid=3, kitti=3)  # images on average
batch_size = 12
steps = 120  # in an epoch
train_dataloader = dict(
    batch_size=batch_size,
    sampler=dict(_delete_=True, type="MultiDatasetSampler", weights=batch, length=steps * batch_size),
    dataset=dict(type="MultiDataset", datasets=train_parts),
)
val_dataloader = dict(dataset=dict(type="MultiDataset", datasets=val_parts))
test_dataloader = val_dataloader
