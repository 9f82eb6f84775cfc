# Cityscapes in its own folders: 19 classes, and metric depth out of disparity and camera file.
data_root = "data/cityscapes"
size = (512, 1024)  # half of the images'; depth keeps its metres
train_pipeline = [
    dict(type="RandomZoom", scale=(0.5, 1.0), p=1.0),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
train_dataloader = dict(
    batch_size=6,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=True),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="Cityscapes", split="train", depth_range=(1.0, 100.0), pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=False),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="Cityscapes", split="val", depth_range=(1.0, 100.0), pipeline=test_pipeline),
)
test_dataloader = val_dataloader
