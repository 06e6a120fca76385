"""Datasets, training and what is proved of it. Whoever imports it, and every process that it starts, tells nobody."""

import os

# TRL reports each trainer that is made to the model hub, and every request to the hub says what runs here, unless one of the
# first two is set before the hub's library is imported; the last is onnxruntime's.
TELLS_NOBODY = ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY")

os.environ.update(dict.fromkeys(TELLS_NOBODY, "1"))
