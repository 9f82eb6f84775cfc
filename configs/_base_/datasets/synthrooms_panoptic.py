# SynthRooms for panoptic segmentation and depth at three tenths of its size. The label is made of classes and
# instances.
_base_ = "synthrooms.py"
size = (72, 96)  # of the network's input
tasks = ["semseg", "instances", "depth"]
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PanopticFromInstances"),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="PanopticFromInstances"), dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
train_dataloader = dict(num_workers=1, dataset=dict(tasks=tasks, cache="memory", pipeline=train_pipeline))
val_dataloader = dict(num_workers=1, dataset=dict(tasks=tasks, pipeline=test_pipeline))
test_dataloader = val_dataloader
