# CamVid's images (360x480) enlarged to 540x720, which helps thin and small objects: fine-tunes the network of
# hydranet_camvid_imagenet.py.
#   mtl train hydranet_camvid_large --cfg-options load_from=work_dirs/hydranet_camvid_imagenet/epoch_100.pth
_base_ = "hydranet_camvid_imagenet.py"
model = dict(backbone=dict(pretrained=False))  # load_from replaces the weights
train_pipeline = [
    dict(type="RandomZoom", scale=(0.9, 2.0), p=1.0),  # evaluation uses 1.5
    dict(type="RandomCrop", size=(384, 512)),
    dict(type="RandomHorizontalFlip", p=0.5),
    dict(type="ColorJitter", brightness=0.3, contrast=0.3, saturation=0.3),
    dict(type="PackSample"),
]
test_pipeline = [dict(type="ResizeInput", size=(540, 720)), dict(type="PackSample")]
predict_pipeline = test_pipeline
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=1.5e-4))
train_cfg = dict(max_epochs=25, val_interval=5)
