# Multi-task baseline for SynthRooms: one MobileNet-v2, and for each task a decoder that concatenates its features at
# stride 4. Methods of task interaction replace the backbone or the neck; the decoders stay.
decoder = dict(type="ConcatFeatures", channels=64)
model = dict(
    type="MultiTaskModel",
    backbone=dict(
        type="TimmBackbone",
        model_name="mobilenetv2_100",
        out_features=["blocks.1", "blocks.2", "blocks.4", "blocks.6"],  # strides 4, 8, 16, 32
    ),
    heads=dict(
        semseg=dict(
            type="SegmentationHead",
            num_classes=40,
            decoder=decoder,
            loss=dict(type="CrossEntropyLoss", loss_weight=0.5),
        ),
        depth=dict(type="DepthHead", decoder=decoder, loss=dict(type="InverseHuberLoss", loss_weight=0.06)),
        normals=dict(type="NormalsHead", decoder=decoder, loss=dict(type="CosineLoss", loss_weight=4.0)),
        edge=dict(type="EdgeHead", decoder=decoder, loss=dict(type="BalancedBCELoss", loss_weight=10.0)),
    ),
)
