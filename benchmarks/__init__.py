"""Speed and memory of pescador, compared with loops written by hand, earlier releases and others."""
