# HydraNet with one head for IDD-Lite. Class weights: 1 / log(1.1 + share of the training pixels), as in ENet.
class_weight = [2.83, 8.70, 9.34, 6.02, 5.20, 3.25, 3.94]
model = dict(
    type="MultiTaskModel",
    backbone=dict(type="TimmBackbone", model_name="mobilenetv2_hydranet"),
    neck=dict(type="LightWeightRefineNet"),
    heads=dict(
        semseg=dict(
            type="SegmentationHead",
            num_classes=7,
            loss=dict(type="CrossEntropyLoss", class_weight=class_weight),
        )
    ),
)
