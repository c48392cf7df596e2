"""How the tests are set up: hypothesis' profiles, and no thread that outlives a test."""

import os

from hypothesis import settings

try:
    import tqdm
except ImportError:
    pass
else:
    tqdm.tqdm.monitor_interval = 0  # Its thread would live on beside the processes that are forked.

settings.register_profile(
    "ci", max_examples=50, deadline=None, derandomize=True, database=None, print_blob=True
)
settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("deep", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "dev")
)
