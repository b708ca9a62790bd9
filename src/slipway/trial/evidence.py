"""How strong the evidence is that something happens more often than it should, however often one looks.

A canary is looked at every minute until it ends. A test that is right for one look would revert a good release sooner
or later: with so many looks, one of them falls below 5 %. So this is a test that may be looked at always: the ratio of
a mixture of likelihoods to that of the null hypothesis, a martingale under the null, which by Ville's inequality ever
reaches 1/alpha with a probability of at most alpha.

H. Robbins, Statistical methods related to the law of the iterated logarithm (1970); for error counts of canaries:
M. Lindon and A. Malek, Anytime-valid inference for multinomial count data (NeurIPS 2022, arXiv:2011.03567), and
M. Lindon, C. Sanden, V. Shirikian, Rapid regression detection in software deployments (KDD 2022, arXiv:2205.14762).
"""

from __future__ import annotations

import math


def log_evidence(hits: int, total: int, share: float) -> float:
    """Natural logarithm of the evidence that of so many events more than a share are hits.

    The alternative is every larger share, all equally likely: that is one-sided, and nothing has to be chosen.

    Args:
        hits: Events of the one kind.
        total: All events.
        share: The largest share of hits under the null hypothesis, above 0 and below 1.
    """
    from scipy.special import betaincc, betaln

    above = float(betaincc(hits + 1, total - hits + 1, share))
    if above <= 0:
        return -math.inf
    mixture = float(betaln(hits + 1, total - hits + 1)) + math.log(above) - math.log1p(-share)
    return mixture - hits * math.log(share) - (total - hits) * math.log1p(-share)


def is_more(hits: int, total: int, share: float, confidence: float) -> bool:
    """Whether hits are more than a share of all, with this confidence at all looks together."""
    return log_evidence(hits, total, share) >= -math.log1p(-confidence)


def is_unlikely(hits: int, total: int, share: float, confidence: float) -> bool:
    """Whether so many hits, or more, would be chance with less than what this confidence leaves, at one look.

    Right for the one look that ends something; many looks find it sooner or later. The binomial's upper tail.
    """
    from scipy.special import bdtrc

    return hits > 0 and float(bdtrc(hits - 1, total, share)) < 1 - confidence
