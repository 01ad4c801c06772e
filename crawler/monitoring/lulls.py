"""Whether all sources together bring less than they should, as on a holiday or when something of ours fails. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt

from crawler.monitoring.silence import Lull, Pulse, tempo
from crawler.schedule.week import DAY

SPANS = (1 * DAY, 2 * DAY, 4 * DAY)  # that are looked at: one lull puts off an alarm by the longest at most
FEWEST = 5  # sources that can show one
_PLAIN = 3.0  # standard deviations by which more sources are quiet than should be
_HALVINGS = 20  # of the interval that a share is sought in


def lull(pulses: Sequence[Pulse], now: float) -> Lull:
    """What sources that were asked at `now` show of the last days; sources known to be silent are to be left out."""
    known = [pulse for pulse in pulses if pulse.last is not None]
    if len(known) < FEWEST:
        return Lull()
    tempos = [tempo(pulse) for pulse in known]
    shares = []
    for span in SPANS:
        expected = [usual.between(now - span, now) for usual in tempos]
        quiet = sum((pulse.last or 0.0) < now - span for pulse in known)
        shares.append((span, _share(expected, quiet)))
    return Lull([(span, share) for span, share in shares if share < 1])


def _share(expected: Sequence[float], quiet: int) -> float:
    """The share of their usual news that sources brought, of which so many had none; 1 where that may be chance."""
    alone = [exp(-news) for news in expected]
    spread = sqrt(sum(one * (1 - one) for one in alone))
    if quiet <= sum(alone) + max(1.0, _PLAIN * spread):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_less = sum(exp(-middle * news) for news in expected) < quiet
        low, high = (low, middle) if is_less else (middle, high)
    return low
