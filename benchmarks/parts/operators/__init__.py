"""Every operator, in process: against the loop written by hand and pescador 3.0.0 and 1.0.0."""

from benchmarks.parts.operators import (
    batching,
    mixing,
    repeating,
    selecting,
    shaping,
    starting,
    watching,
)

ROWS = [
    *selecting.ROWS,
    *repeating.ROWS,
    *shaping.ROWS,
    *batching.ROWS,
    *mixing.ROWS,
    *watching.ROWS,
    *starting.ROWS,
]
