# rooms_multitask with MTI-Net: the tasks exchange features at four strides, which the decoders of the heads join.
_base_ = "rooms_multitask.py"
model = dict(neck=dict(type="MTINet", channels=32, decoder=None))
