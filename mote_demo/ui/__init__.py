"""The Gradio app: a folder a tab, thin handlers, all logic elsewhere."""

import os

# Read when gradio and huggingface_hub are imported, which happens below this package: nobody is told what runs here.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
