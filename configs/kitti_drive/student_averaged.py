# As student.py, with the averaged classes of two teachers for the drive's images: the network trained on CamVid, and
# one trained on Cityscapes, an ONNX file with logits of the 19 classes.
_base_ = "student_masked.py"
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type="DistillationHook",
        teachers=[
            dict(
                average=[
                    dict(
                        tasks=dict(semseg=dict(class_map=("camvid11", "kitti6"))),
                        config="{{ fileDirname }}/../hydranet_camvid_imagenet.py",
                        checkpoint="work_dirs/hydranet_camvid_imagenet",
                        flip=True,
                    ),
                    dict(
                        tasks=dict(semseg=dict(class_map=("cityscapes19", "kitti6"))),
                        model=dict(type="OnnxModel", file="work_dirs/cityscapes.onnx", tasks=dict(semseg="classes")),
                        input_size=(560, 1856),  # about 1.5 times the size of KITTI, in multiples of 8
                        flip=True,
                    ),
                ],
                tasks=dict(semseg=dict(confidence=0.5)),
                datasets=["drive"],
            ),
        ],
    ),
]
