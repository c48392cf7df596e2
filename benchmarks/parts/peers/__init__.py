"""The same work done by torch, torchdata, webdataset, datasets, grain, spdl, litdata, tf.data."""
