from mtl_plugins.evaluation import trivial_scores

# The metric that stands for a task in the comparison (of each dataset), and what its trivial predictor answers.
_HEADLINES = {
    "semseg/mIoU": "the most frequent class",
    "depth/rmse": "the best constant depth",
    "normals/mean": "the mean normal",
}


def trivial_table(dataset, metrics, scores: dict[str, float]) -> str:
    """A text table of ``scores`` beside those of predictors that never look at the image, on the same set."""
    trivial = trivial_scores(dataset, metrics)
    rows = [("metric", "network", "trivial", "ratio", "the trivial predictor")]
    for key in trivial:
        name = next((name for headline, name in _HEADLINES.items() if f"/{key}".endswith(f"/{headline}")), None)
        if name is not None and key in scores:
            ratio = scores[key] / trivial[key] if trivial[key] else float("nan")
            rows.append((key, f"{scores[key]:.4g}", f"{trivial[key]:.4g}", f"{ratio:.2f}", name))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
