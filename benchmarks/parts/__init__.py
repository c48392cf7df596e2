"""The parts of the benchmark: each a module with a list ROWS, run by its name."""
