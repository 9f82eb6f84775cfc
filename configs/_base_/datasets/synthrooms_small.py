# SynthRooms at three tenths of its size: for many trainings in a row on two cores.
data_root = "data/synthrooms"
size = (72, 96)  # what the network sees; predictions and metrics are at the images' own 240x320
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=True),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="SynthRooms", split="train", cache="memory", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=10,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="SeededSampler", shuffle=False),
    collate_fn=dict(type="pseudo_collate"),
    dataset=dict(type="SynthRooms", split="val", pipeline=test_pipeline),
)
test_dataloader = val_dataloader
