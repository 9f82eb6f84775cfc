# NYUDv2 in the setting of many multi-task papers: 13 classes, 288x384, normals computed from the in-painted depth.
data_root = "data/nyud"
size = (288, 384)
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomZoom", scale=(1.0, 1.5), p=0.5),
    dict(type="RandomCrop", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="Resize", size=size), dict(type="PackSample")]  # metrics at that size too
predict_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
dataset = dict(type="NYUDv2", label_space="nyud13", depth="filled", normals="depth")
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=True),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(split="train", pipeline=train_pipeline, **dataset),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=False),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(split="val", pipeline=test_pipeline, **dataset),
)
test_dataloader = val_dataloader
