"""The shares of streams with weights, by mode and number of active streams."""

import matplotlib.pyplot as plt
import numpy as np
from watching import run

from pescador.ops import mux

WEIGHTS = np.arange(1, 9)
N = 60_000
ks = np.arange(1, 9)

figure, axes = plt.subplots(1, 2, sharey=True, layout="constrained")
for mode, axis in zip(("with_replacement", "single_active"), axes, strict=True):
    shares = []
    for k in ks:
        op = mux(int(k), lam=16, weights=WEIGHTS, mode=mode, random_state=0)
        _, given = run(op, n_streams=len(WEIGHTS), n=N)
        shares.append(np.bincount(given, minlength=len(WEIGHTS)) / N)
    for weight, share in zip(WEIGHTS, np.transpose(shares), strict=True):
        shade = plt.cm.viridis(0.9 * (weight - 1) / 7)
        axis.plot(ks, share, "o-", color=shade, ms=3, lw=1, label=weight)
        axis.axhline(weight / WEIGHTS.sum(), color=shade, lw=0.6, ls=":")
    axis.set(title=mode, xlabel="k, active streams of 8")
axes[0].set(ylabel="share of the elements")
axes[0].legend(title="weight", ncols=2, frameon=False, fontsize="small")
