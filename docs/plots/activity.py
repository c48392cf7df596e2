"""One pool under four quotas: the active streams, and the stream of each element."""

from itertools import repeat

import matplotlib.pyplot as plt

from pescador import stream
from pescador.ops import mux
from pescador.plotting import activity

pool = {name: stream(repeat, name) for name in "abcdefgh"}
figure, axes = plt.subplots(2, 2, sharex=True, layout="constrained", figsize=(7, 4.4))
for dist, axis in zip(("constant", "binomial", "poisson_mean", "poisson"), axes.flat, strict=True):
    op = mux(3, lam=16, mode="single_active", dist=dist, random_state=0)
    activity(pool | op, n=300, ax=axis)
    axis.set(title=dist, xlabel="", ylabel="")
figure.supxlabel("element", fontsize="medium")
figure.supylabel("stream", fontsize="medium")
