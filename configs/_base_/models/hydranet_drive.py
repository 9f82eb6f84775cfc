# HydraNet with six classes and depth for the camera of a car. A preset with one task sets the other to None.
model = dict(
    type="MultiTaskModel",
    backbone=dict(type="TimmBackbone", model_name="mobilenetv2_hydranet", pretrained=True),
    neck=dict(type="LightWeightRefineNet"),
    heads=dict(
        semseg=dict(type="SegmentationHead", num_classes=6, loss=dict(type="CrossEntropyLoss", loss_weight=0.5)),
        depth=dict(type="FixedCameraDepthHead", loss=dict(type="InverseHuberLoss", loss_weight=0.05)),
    ),
)
