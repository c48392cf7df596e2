"""Speed and memory of pescador, of loops written by hand, of earlier releases and of others."""
