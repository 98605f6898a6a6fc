"""SmartWatts ML: keeps the models of the home-energy gateway fresh."""

import logging
import os

__all__ = ["__version__"]

__version__ = "1.0.0"

# TensorFlow reads these when it is first imported, by whichever module that is. Start-up
# chatter and the search for a GPU are of no use to anyone who runs a stage.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
for chatty in ("numexpr", "tensorflow"):
    logging.getLogger(chatty).setLevel(logging.WARNING)
