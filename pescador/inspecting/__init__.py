"""Inspecting a stream without changing it: its problems, its steps, and where its time goes."""

from pescador.checks import check
from pescador.inspecting.explaining import Explanation, explain
from pescador.inspecting.graphing import graph
from pescador.inspecting.profiling import Profile, profile
from pescador.readings import Finding

__all__ = ["Explanation", "Finding", "Profile", "check", "explain", "graph", "profile"]
