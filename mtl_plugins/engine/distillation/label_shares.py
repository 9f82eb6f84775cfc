import torch


class LabelShares:
    """What part of the pixels of a batch has real labels, pseudo-labels and none, for the log: honest accounting.

    Every ``interval`` iterations ``train/<task>/real``, ``/pseudo`` and ``/void`` are logged, in percent of the pixels.
    """

    def __init__(self, interval: int = 20):
        self.interval = interval

    def look(self, runner, samples, tasks) -> None:
        """Count, if it is time to."""
        if (runner.iter + 1) % self.interval:
            return
        for task in tasks:
            for name, share in label_shares(samples, task).items():
                runner.message_hub.update_scalar(f"train/{task}/{name}", 100 * share)


def label_shares(samples, task: str) -> dict[str, float]:
    """Shares of the samples' pixels, 0 ... 1: ``real``, ``pseudo`` and ``void`` (no label, or an invalid one)."""
    counts, total = dict(real=0, pseudo=0), 0
    for sample in samples:
        height, width = sample.get("ori_shape")
        total += height * width
        label = sample.gt.get(task)
        if label is not None:
            counts["pseudo" if task in sample.get("pseudo", ()) else "real"] += int(_valid(label).sum())
    shares = {name: count / max(total, 1) for name, count in counts.items()}
    return shares | dict(void=1 - sum(shares.values()))


def _valid(label):
    """The pixels (H, W) of a label (K, H, W) that count: not void (255) where it holds ids, else not 0."""
    if not torch.is_floating_point(label):
        return (label != 255).any(0)
    return label.isfinite().all(0) & (label != 0).any(0)
