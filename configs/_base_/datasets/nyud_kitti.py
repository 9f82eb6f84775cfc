# NYUDv2, KITTI's depth and KITTI-6 in one training run. A batch is of one dataset, since their images differ in size.
data_root = "data"
batch_size = 6
nyud_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 2.0), p=0.5),
    dict(type="RandomCrop", size=(480, 480)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
kitti_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 1.5), p=0.5),
    dict(type="RandomCrop", size=(352, 704)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
nyud = dict(type="NYUDv2", data_root="{data_root}/nyud")
kitti = dict(
    type="KITTIDepth", label_space="kitti6", data_root="{data_root}/kitti/depth", cameras=(2,), depth_range=(0.0, 100.0)
)
kitti6 = dict(type="KITTI6", data_root="{data_root}/kitti/kitti6", depth_range=(0.0, 100.0))
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(
        type="MultiDatasetSampler", weights=dict(nyud=2, kitti=1.5, kitti6=0.5), length=3000, batch_size=batch_size
    ),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(
        type="MultiDataset",
        datasets=dict(
            nyud=dict(split="train", pipeline=nyud_pipeline, **nyud),
            kitti=dict(split="train", pipeline=kitti_pipeline, **kitti),
            kitti6=dict(split="train", pipeline=kitti_pipeline, **kitti6),
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=False),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(
        type="MultiDataset",
        datasets=dict(
            nyud=dict(split="val", pipeline=test_pipeline, **nyud),
            kitti=dict(split="val", pipeline=test_pipeline, **kitti),
            kitti6=dict(split="val", pipeline=test_pipeline, **kitti6),
        ),
    ),
)
test_dataloader = val_dataloader
