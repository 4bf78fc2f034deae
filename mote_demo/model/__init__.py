"""What MoTE is. Importing this package lets ``AutoModel`` load MoTE checkpoints."""

from transformers import AutoConfig, AutoModel

from mote_demo.model.configuration import MoteConfig
from mote_demo.model.modeling import MoteModel
from mote_demo.model.upcycling import upcycle

AutoConfig.register(MoteConfig.model_type, MoteConfig)
AutoModel.register(MoteConfig, MoteModel)

__all__ = ["MoteConfig", "MoteModel", "upcycle"]
