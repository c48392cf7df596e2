"""How long a stream stays active: its mean and spread, by the formula and as measured."""

import matplotlib.pyplot as plt
import numpy as np
from watching import DISTS, quota, run, spread

from pescador.ops import mux

LAM, N = 16, 120_000
measured = [2, 4, 8, 16, 32, 64]
continuous = np.arange(2, 65)

figure, (left, right) = plt.subplots(1, 2, layout="constrained")
for dist, color in DISTS.items():
    means, spreads = [], []
    for k in measured:
        watch, _ = run(mux(k, LAM, dist=dist, random_state=0), n_streams=100, n=N)
        # Leave out the stays that the ends of the run cut short or favour.
        late = [end - begin for begin, end in watch.stays if N / 4 < begin < N / 2]
        means.append(np.mean(late))
        spreads.append(np.std(late) / np.mean(late))
    left.plot(continuous, [k * quota(dist, LAM, k)[0] for k in continuous], color, lw=1)
    left.plot(measured, means, "o", color=color, ms=4)
    right.plot(continuous, [spread(dist, LAM, k) for k in continuous], color, lw=1, label=dist)
    right.plot(measured, spreads, "o", color=color, ms=4)
left.set(xlabel="k, active streams", ylabel="mean stay [elements of the mux]")
right.set(xlabel="k, active streams", ylabel="standard deviation / mean", ylim=(0, None))
right.legend(title="dist", frameon=False)
