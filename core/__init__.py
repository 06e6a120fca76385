"""The vocabulary of Trivium: nouns, seams, settings, store. Imports no other part. Whoever imports it, every process of ours,
and what they start, tell nobody what they do."""

import os

# TRL reports each trainer that is made to the model hub, and every request to the hub says what runs here, unless one of the
# first two is set before the hub's library is imported; the last is onnxruntime's, through which files are recognised.
TELLS_NOBODY = ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY")

os.environ.update(dict.fromkeys(TELLS_NOBODY, "1"))
