"""Skip the examples of pages whose library is not installed."""

from importlib.util import find_spec

collect_ignore = [f"howto/{name}.rst" for name in ("keras", "torch") if find_spec(name) is None]
