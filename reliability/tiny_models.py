"""Random models so small that any answer takes milliseconds: what they say means nothing, and all else is the app's."""

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from mote_demo.encoder import Encoder
from mote_demo.evaluation.reference import untouched
from mote_demo.model import MoteModel, upcycle
from mote_demo.serving.shelf import Shelf
from mote_demo.store import VectorStore
from mote_demo.tasks import ROUTES

_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_WORDS = """
query document classification clustering similarity search the a an of to in on for and or not is are was how what
why when where who my your i you we it this that with from by at card bank account money payment order parcel late
lost broken refund help please thanks cat dog bird fish animal pet car train plane road city house river mountain
music film book code error file data model text vector map train test red green blue happy angry sad good bad big
small new old one two three four five
"""


def tiny_tokenizer() -> Tokenizer:
    """Return a lower-casing WordPiece tokenizer that can spell every ASCII word."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = [*_SPECIAL.values(), *".,:;!?'\"()-", *letters, *(f"##{letter}" for letter in letters), *_WORDS.split()]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", continuing_subword_prefix="##"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", ends)
    return tokenizer


def save_tiny_backbone(folder: str | Path, tokenizer: Tokenizer) -> None:
    """Write a random dense BERT with 4 blocks and 32 dimensions, with its tokenizer."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.2,  # the usual 0.02 leaves so small a network almost linear
    )
    BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **_SPECIAL).save_pretrained(folder)


def tiny_mote(backbone: str) -> MoteModel:
    """Return a MoTE model of a backbone's folder, whose experts differ."""
    model = upcycle(backbone, ROUTES, max_tokens=64)
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for expert in model.config.experts:
            for parameter in model.expert_parameters(expert).values():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=noise))
    return model


def tiny_baseline(backbone: str) -> MoteModel:
    """Return the dense model of a backbone's folder with the same routes: only their instructions differ."""
    return upcycle(backbone, ROUTES, expert_layers=[], max_tokens=64)


def open_tiny_shelf(folder: str | Path) -> Callable[[Path], Shelf]:
    """Make all three in a folder, and return what puts them on a shelf that keeps what it computes in another."""
    backbone, tokenizer = str(Path(folder) / "backbone"), tiny_tokenizer()
    save_tiny_backbone(backbone, tokenizer)
    encoders = {
        "untouched": untouched(backbone, "tiny untouched"),
        "baseline": Encoder(tiny_baseline(backbone), tokenizer, "tiny baseline"),
        "mote": Encoder(tiny_mote(backbone), tokenizer, "tiny MoTE"),
    }
    return lambda store: Shelf.of(VectorStore(store), **encoders)
