"""How often streams are replaced after the start: waves that fade."""

import matplotlib.pyplot as plt
import numpy as np
from watching import DISTS, quota, run, spread

from pescador.ops import mux

K, LAM, GENERATIONS, RUNS = 32, 64, 8, 64

figure, axes = plt.subplots(2, 2, sharex=True, sharey=True, layout="constrained", figsize=(7, 4.4))
generation = np.arange(1, 3 * GENERATIONS)
times = np.linspace(0, GENERATIONS, 500)
edges = np.linspace(0, GENERATIONS, 15 * GENERATIONS + 1)
for (dist, color), axis in zip(DISTS.items(), axes.flat, strict=True):
    mean, _ = quota(dist, LAM, K)
    counts = np.zeros(len(edges) - 1)
    for seed in range(RUNS):
        op = mux(K, LAM, dist=dist, random_state=seed)
        watch, _ = run(op, n_streams=100, n=int(GENERATIONS * K * mean))
        counts += np.histogram(np.array(watch.activations[K:]) / (K * mean), edges)[0]
    rate = counts / RUNS / (K * np.diff(edges))
    axis.stairs(rate, edges, color=color, fill=True, alpha=0.5)
    # Generation g of the streams is replaced at g stays, give or take sqrt(g) spreads.
    width = spread(dist, LAM, K) * np.sqrt(generation)
    bells = np.exp(-0.5 * ((times[:, None] - generation) / width) ** 2) / width
    axis.plot(times, bells.sum(axis=1) / np.sqrt(2 * np.pi), "k", lw=0.8)
    axis.set(title=dist, ylim=(0, 3.7), xlim=(0, GENERATIONS))
figure.supxlabel("elements of the mux / mean stay", fontsize="medium")
figure.supylabel("replacements / long-run rate", fontsize="medium")
