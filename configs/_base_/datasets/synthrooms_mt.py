# SynthRooms with five tasks, at three tenths of its size. Edges shrink with the image and stay about one pixel wide
# (EdgeMap). Predictions are evaluated at 240x320, the size of the stored labels.
_base_ = "synthrooms.py"
size = (72, 96)  # of the network's input
tasks = ["semseg", "depth", "normals", "edge", "saliency"]
train_pipeline = [
    dict(type="Resize", size=size),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=size), dict(type="PackSample")]
predict_pipeline = test_pipeline
train_dataloader = dict(num_workers=1, dataset=dict(tasks=tasks, cache="memory", pipeline=train_pipeline))
val_dataloader = dict(num_workers=1, dataset=dict(tasks=tasks, pipeline=test_pipeline))
test_dataloader = val_dataloader
