# CamVid at a third of its size (120x160): for many trainings in a row on two cores.
data_root = "data/camvid"
size = (120, 160)
train_pipeline = [
    dict(type="Resize", size=(180, 240)),
    dict(type="RandomZoom", scale=(0.55, 1.1), p=1.0),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="Resize", size=size), dict(type="PackSample")]
predict_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=True),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="CamVid", split="train", cache="memory", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=False),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="CamVid", split="val", pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
