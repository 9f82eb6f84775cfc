class ImageProblem(ValueError):
    """Why a file cannot be decoded, without its name.

    Args:
        reason: The problem, as the middle of a sentence.
        advice: How to fix it, as a complete sentence; empty for the usual advice about damaged files.
    """

    def __init__(self, reason: str, advice: str = ""):
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


def damaged(reason: str) -> ImageProblem:
    """The problem of a file that is truncated or damaged."""
    return ImageProblem(f"the file is truncated or damaged ({reason})")
