"""ODS, OIS and AP from the counts of all images."""

import numpy as np

_STEPS = 100  # points between two thresholds in the BSDS benchmark


def edge_scores(counts: np.ndarray, thresholds: np.ndarray, interpolate: bool = False) -> dict[str, float]:
    """Scores of a dataset.

    ODS is the best F-measure with one threshold for all images, OIS that with the best threshold of each image, AP the
    area under the curve of precision and recall.

    Args:
        counts: Counts of each image at each threshold, (N, T, 4), as returned by `edge_counts`.
        thresholds: (T,).
        interpolate: Whether to follow the BSDS benchmark, which interpolates recall and precision between neighbouring
            thresholds and takes a precision or recall of 0/0 as 0. The default follows SEISM, as papers on multi-task
            learning do: only the thresholds themselves count, an image without edges has recall 1 and precision 0, an
            empty prediction has recall 0 and precision 1.

    Returns:
        `odsF`, `odsR`, `odsP`, `odsT` (the threshold), `oisF`, `oisR`, `oisP` and `AP`, from 0 to 1.
    """
    counts = np.asarray(counts, np.int64)
    recall, precision = _rates(counts.sum(0), interpolate)
    best = _best_interpolated(recall, precision, thresholds) if interpolate else _best(recall, precision, thresholds)
    per_image = f_measure(*_rates(counts, interpolate))
    if not interpolate:
        per_image = per_image.round(6)  # SEISM writes the scores of images to text files with six decimals
    chosen = counts[np.arange(len(counts)), per_image.argmax(1)].sum(0)
    ois_recall, ois_precision = (float(rate) for rate in _rates(chosen, interpolate))
    return dict(
        zip(("odsF", "odsR", "odsP", "odsT"), best, strict=True),
        oisF=float(f_measure(ois_recall, ois_precision)),
        oisR=ois_recall,
        oisP=ois_precision,
        AP=average_precision(recall, precision),
    )


def f_measure(recall: np.ndarray | float, precision: np.ndarray | float) -> np.ndarray:
    """The harmonic mean; 0 if both are 0."""
    total = np.asarray(recall) + precision
    return 2 * np.asarray(recall) * precision / np.where(total == 0, 1, total)


def average_precision(recall: np.ndarray, precision: np.ndarray) -> float:
    """The area under the curve of precision and recall, interpolated at 101 recalls and 0 outside the curve."""
    recalls, first = np.unique(recall, return_index=True)
    if len(recalls) < 2:
        return 0.0
    at = np.linspace(0, 1, 101)
    return float(np.interp(at, recalls, precision[first], left=0, right=0).sum() / 100)


def _rates(counts: np.ndarray, interpolate: bool) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision of counts (..., 4)."""
    matched_truth, truth, matched, predicted = np.moveaxis(counts.astype(np.float64), -1, 0)
    recall = matched_truth / np.where(truth == 0, 1, truth)
    precision = matched / np.where(predicted == 0, 1, predicted)
    if not interpolate:
        recall, precision = (
            np.where(truth == 0, 1.0, np.where(predicted == 0, 0.0, recall)),
            np.where(truth == 0, 0.0, np.where(predicted == 0, 1.0, precision)),
        )
    return recall, precision


def _best(recall: np.ndarray, precision: np.ndarray, thresholds: np.ndarray) -> tuple[float, ...]:
    scores = f_measure(recall, precision)
    at = scores.argmax()
    return float(scores[at]), float(recall[at]), float(precision[at]), float(thresholds[at])


def _best_interpolated(recall: np.ndarray, precision: np.ndarray, thresholds: np.ndarray) -> tuple[float, ...]:
    share = np.linspace(0, 1, _STEPS)

    def between(values: np.ndarray) -> np.ndarray:
        if len(values) == 1:
            return values
        return (values[:-1, None] * (1 - share) + values[1:, None] * share).reshape(-1)

    return _best(*map(between, (recall, precision, np.asarray(thresholds, np.float64))))
