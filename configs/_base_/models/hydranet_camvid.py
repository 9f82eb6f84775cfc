# HydraNet with one head for CamVid. Class weights: 1 / log(1.1 + share of the training pixels), as in ENet; rare
# classes (poles, signs) count more.
class_weight = [4.11, 3.40, 9.56, 2.80, 7.30, 5.45, 9.40, 9.44, 6.70, 9.87, 10.20]
model = dict(
    type="MultiTaskModel",
    backbone=dict(type="TimmBackbone", model_name="mobilenetv2_hydranet"),
    neck=dict(type="LightWeightRefineNet"),
    heads=dict(
        semseg=dict(
            type="SegmentationHead",
            num_classes=11,
            loss=dict(type="CrossEntropyLoss", class_weight=class_weight),
        )
    ),
)
