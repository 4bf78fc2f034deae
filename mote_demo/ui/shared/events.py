"""How events run: options of Gradio's event listeners."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

QUICK: Mapping[str, Any] = MappingProxyType({"api_visibility": "private", "show_progress": "hidden"})
"""Answer the page alone, without a sign of progress of Gradio's own."""

MODEL: Mapping[str, Any] = MappingProxyType({"concurrency_id": "model", "concurrency_limit": 2})
"""Compute with a model, together with one more visitor at most."""

UPLOAD: Mapping[str, Any] = MappingProxyType({"concurrency_id": "upload", "concurrency_limit": 2})
"""Read an uploaded file, together with one more visitor at most: each may take all that ``Limits`` allow."""
