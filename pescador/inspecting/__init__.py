"""Inspecting a stream without changing it: its problems, its steps, and where its time goes."""

from pescador.checks import check
from pescador.inspecting.explaining import Explanation, explain
from pescador.inspecting.graphing import graph
from pescador.inspecting.profiling import Profile, profile
from pescador.readings import Finding

__all__ = ["Explanation", "Finding", "Profile", "check", "explain", "graph", "profile"]

# Names say where users import them from.
for _value in (Explanation, Finding, Profile):
    _value.__module__ = __name__
for _function in (check, explain, graph, profile):
    _function.__module__ = "pescador"
