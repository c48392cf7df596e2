"""The same work done by torch, torchdata, webdataset, datasets, grain, spdl, litdata, tf.data."""

from benchmarks.parts.peers import batch, files, mix, move, start, train

ROWS = [*mix.ROWS, *files.ROWS, *batch.ROWS, *move.ROWS, *train.ROWS, *start.ROWS]
