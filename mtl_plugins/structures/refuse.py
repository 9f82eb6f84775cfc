from torchvision.transforms.v2.functional import register_kernel


def refuse(functional, kind, reason):
    """Make ``functional`` raise on tensors of type ``kind``: v2 would pass them through unchanged, and silently."""

    @register_kernel(functional, kind)
    def kernel(inpt, *args, **kwargs):
        raise TypeError(
            f"{functional.__name__} has no meaning for {type(inpt).__name__}: {reason}. Leave this transform out "
            f"of the pipeline, or the {type(inpt).__name__} out of the sample."
        )

    return kernel
