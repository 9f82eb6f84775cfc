# KITTI as in the paper: many frames with only depth (depth/), some hundred with six classes (kitti6/).
_base_ = "../loaders.py"
data_root = "data/kitti"
train_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 1.5), p=0.5),
    dict(type="RandomCrop", size=(352, 704)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
depth_range = (0.0, 100.0)  # metres
depth = dict(
    type="KITTIDepth", label_space="kitti6", data_root="{data_root}/depth", cameras=(2,), depth_range=depth_range
)
kitti6 = dict(type="KITTI6", data_root="{data_root}/kitti6", depth_range=depth_range)
train_dataloader = dict(
    batch_size=6,
    num_workers=4,
    sampler=dict(_delete_=True, type="MultiDatasetSampler", weights=dict(kitti=3, kitti6=1), length=6000),
    dataset=dict(
        type="MultiDataset",
        datasets=dict(
            kitti=dict(split="train", pipeline=train_pipeline, **depth),
            kitti6=dict(split="train", pipeline=train_pipeline, **kitti6),
        ),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type="MultiDataset",
        datasets=dict(
            kitti=dict(split="val", pipeline=test_pipeline, **depth),
            kitti6=dict(split="val", pipeline=test_pipeline, **kitti6),
        ),
    ),
)
test_dataloader = val_dataloader
