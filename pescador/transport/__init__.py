"""Streams that run elsewhere: the only sockets, processes and threads of pescador."""
