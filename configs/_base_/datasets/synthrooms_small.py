# SynthRooms at three tenths of its size, for many training runs on two cores.
_base_ = "synthrooms.py"
size = (72, 96)  # of the network's input
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
train_dataloader = dict(num_workers=1, dataset=dict(cache="memory", pipeline=train_pipeline))
val_dataloader = dict(num_workers=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
