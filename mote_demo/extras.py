"""Which extra of this package brings a library that is not installed."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from mote_demo.errors import UserError

_APP = (
    *("accelerate", "chardet", "datasets", "faiss", "gradio", "jinja2", "matplotlib", "openpyxl", "pandas", "plotly"),
    *("pyarrow", "pydantic", "scipy", "sklearn", "starlette", "threadpoolctl", "typing_extensions", "umap", "yaml"),
)
EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_APP, "app"),
        **dict.fromkeys(("onnx", "onnxruntime", "openvino"), "export"),
        **{"mcp": "mcp", "mteb": "eval", "peft": "bench", "pymilvus": "milvus", "ray": "ray"},
    }
)
"""Name of each module that the core does not bring, and the extra that does."""


def missing_extra(module: str | None) -> UserError | None:
    """Say how to install what brings ``module``; None where no extra does."""
    top = (module or "").partition(".")[0]
    extra = EXTRAS.get(top)
    if extra is None:
        return None
    return UserError(f"This needs {top}, which is not installed. Please run: pip install 'mote-demo[{extra}]'")


def require(module: str) -> None:
    """Refuse to go on without ``module``, with the command that installs it."""
    if find_spec(module) is None:
        raise missing_extra(module) or ModuleNotFoundError(module, name=module)
