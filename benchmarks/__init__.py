"""Speed and memory of pescador beside the loop written by hand and beside its earlier releases."""
