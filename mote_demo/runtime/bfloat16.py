"""Whether to multiply in 16-bit floats."""

import torch


def bfloat16_pays() -> bool:
    """Tell whether products of bfloat16 take less time than those of float32: on a GPU, or a CPU with AMX."""
    if torch.cuda.is_available():
        return True
    # Without such tiles oneDNN emulates them. torch has told since 2.10.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16"))
