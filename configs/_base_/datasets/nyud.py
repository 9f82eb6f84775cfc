# NYUDv2 in the authors' folder layout: rgb/, masks/, depth/, normals/, train.txt, val.txt.
data_root = "data/nyud"
train_pipeline = [
    dict(type="RandomZoom", scale=(0.8, 2.0), p=0.5),
    dict(type="RandomCrop", size=(500, 500)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PackSample")]
train_dataloader = dict(
    batch_size=6,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=True),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="NYUDv2", split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=False),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="NYUDv2", split="val", pipeline=test_pipeline),
)
test_dataloader = val_dataloader
