#!/usr/bin/python3
"""From rainfall stations to a map of rain: docs/vignette.md."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import rct

lon, lat, _, rain = np.loadtxt(sys.argv[1], delimiter=",", skiprows=1).T
places = rct.lonlat(np.column_stack([lon, lat]))  # chords, in km
y = np.sqrt(rain) - (level := np.sqrt(rain).mean())
order = rct.order(places, "maxmin")
index = rct.ResidualIndex(places, kernel="matern32", lengthscale=500,
                          inducing="kmeans++", num_inducing=100)


def model(logs):
    scale, variance, noise = np.exp(logs)
    changed = index.rebuild(lengthscale=scale, variance=variance)
    return changed.vecchia(k=20, noise=noise, order=order)


fit = minimize(lambda logs: -model(logs).log_likelihood(y),
               np.log([500, 20, 2]), method="Nelder-Mead")
print("lengthscale %.0f km, variance %.1f, noise %.2f" % tuple(np.exp(fit.x)))
print("log-likelihood %.1f" % -fit.fun)

x, z = np.meshgrid(np.arange(-134, -51.9, 0.25), np.arange(23, 57.1, 0.25))
new = rct.lonlat(np.column_stack([x.ravel(), z.ravel()]))
mean, variance = (a.reshape(x.shape) for a in model(fit.x).predict(new, y))
figure, axes = plt.subplots(figsize=(9, 4.8), layout="constrained")
known = np.clip(1.5 - 2 * np.sqrt(variance / np.exp(fit.x[1])), 0, 1)
image = axes.pcolormesh(x, z, (level + mean) ** 2 + variance, alpha=known,
                        cmap="viridis_r", vmin=0, vmax=600)
axes.plot(lon, lat, "k.", markersize=1)
axes.set(aspect=1.3, xlabel="longitude", ylabel="latitude")
figure.colorbar(image, label="rain from June to August, mm", shrink=0.9)
figure.savefig(sys.argv[2])
