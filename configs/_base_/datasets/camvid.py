# CamVid in SegNet's version (480x360, 11 classes): train/, trainannot/, val/, valannot/.
data_root = "data/camvid"
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=True),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="CamVid", split="train"),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=False),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="CamVid", split="val"),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
