"""Youden's J, which the core does not have."""

from affectzoo.metrics.counts import HITS, TRUE, ClassMetric


class YoudenJ(ClassMetric):
    """Sum of the recalls of two classes minus 1 (Youden 1950), in [-1, 1]; undefined when a class is never true."""

    higher_is_better = True
    conventions = {
        "decision": "largest score, the first of equals",
        "undefined": "a class is absent from the truth",
    }

    def finish(self, stats):
        """J from the counts."""
        return (stats[..., HITS] / stats[..., TRUE]).sum(-1) - 1
