# CamVid in SegNet's version (480x360, 11 classes): train/, trainannot/, val/, valannot/.
_base_ = "../loaders.py"
data_root = "data/camvid"
batch_size = 8
train_dataloader = dict(batch_size=batch_size, dataset=dict(type="CamVid", split="train"))
val_dataloader = dict(batch_size=batch_size, dataset=dict(type="CamVid", split="val"))
test_dataloader = val_dataloader
val_evaluator = [dict(type="SegmentationMetric")]
test_evaluator = val_evaluator
