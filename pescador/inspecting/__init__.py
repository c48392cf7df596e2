"""Looking at a stream without changing it: what is wrong with it, what it is, where time goes."""

from pescador.checks import check
from pescador.inspecting.explaining import Explanation, explain
from pescador.inspecting.graphing import graph
from pescador.inspecting.profiling import Profile, profile
from pescador.readings import Finding

__all__ = ["Explanation", "Finding", "Profile", "check", "explain", "graph", "profile"]
