import torch


def draw_value(low: float, high: float, p: float, otherwise: float) -> float:
    """Draw a uniform value in [low, high) with probability `p`; otherwise return `otherwise`.

    Always consumes two random numbers.
    """
    chance, place = torch.rand(2).tolist()
    return low + place * (high - low) if chance < p else otherwise
