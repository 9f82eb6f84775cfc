# SynthRooms: rendered rooms in the folder layout of NYUDv2, trained at four tenths of their size.
_base_ = "../loaders.py"
data_root = "data/synthrooms"
size = (96, 128)  # of the network's input; predictions and metrics have the images' own size, 240x320
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
train_dataloader = dict(batch_size=8, dataset=dict(type="SynthRooms", split="train", pipeline=train_pipeline))
val_dataloader = dict(batch_size=10, dataset=dict(type="SynthRooms", split="val", pipeline=test_pipeline))
test_dataloader = val_dataloader
