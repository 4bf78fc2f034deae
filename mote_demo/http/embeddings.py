"""Embeddings in the words of the OpenAI API: from the body of a request to the body of its answer."""

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mote_demo.errors import UserError
from mote_demo.explore.lens import Lens
from mote_demo.explore.lens_name import LensName
from mote_demo.http.limits import check_amount
from mote_demo.serving.sessions import Session

_FORMATS = ("float", "base64")
_TOKENS = (
    "Token numbers are refused, since they come from another model's tokenizer and mean other words here. Please send "
    "texts (in LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))."
)


class RequestError(UserError):
    """Refuse a request.

    Attributes:
        param: the field of the body that is wrong, None where it is the whole.
        code: one word for programs, None where the API has none.
        status: of the HTTP answer.
    """

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.param, self.code, self.status = param, code, status

    def body(self) -> dict[str, Any]:
        """Return what the answer holds."""
        kind = "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True)
class EmbeddingRequest:
    """Hold a checked request.

    Attributes:
        model: the name as it was asked for.
        lens: what that names; its query side is the route.
        texts: what to encode.
        encoding: one of "float" and "base64".
    """

    model: str
    lens: Lens
    texts: list[str]
    encoding: str

    @classmethod
    def parse(cls, body: object, session: Session) -> "EmbeddingRequest":
        """Check the body of a request; a ``RequestError`` says what is wrong with it."""
        if not isinstance(body, Mapping):
            raise RequestError('The body must be a JSON object, such as {"model": "mote/query", "input": "a text"}.')
        model = body.get("model")
        lens = _lens(model, session)
        texts = _texts(body.get("input"))
        encoding = body.get("encoding_format") or "float"
        if encoding not in _FORMATS:
            words = " or ".join(map(repr, _FORMATS))
            raise RequestError(f"The encoding_format must be {words}, not {encoding!r}.", "encoding_format")
        _check_dimensions(body.get("dimensions"), lens)
        return cls(str(model), lens, texts, encoding)

    def answer(self, stop: threading.Event | None = None) -> dict[str, Any]:
        """Encode the texts; ``stop`` ends it early with ``Stopped``."""
        vectors = self.lens.encode_query(self.texts, stop=stop).astype("<f4")
        tokens = sum(self.lens.receipt(text).tokens for text in self.texts)
        written = (
            vectors.tolist()
            if self.encoding == "float"
            else [base64.b64encode(vector.tobytes()).decode("ascii") for vector in vectors]
        )
        return {
            "object": "list",
            "model": self.model,
            "data": [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(written)],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


def served_models(session: Session) -> list[str]:
    """List the names that a request can ask for: MODEL/ROUTE, or MODEL alone where all routes are alike."""
    names = []
    for _, model in session.models():
        routes = session.encoder(model).all_routes
        names += [f"{model}/{route}" for route in routes] if session.lens_needs_look(model) else [model]
    return names


def list_models(session: Session) -> dict[str, Any]:
    """Return the body that lists the models."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "mote"} for name in served_models(session)]
    return {"object": "list", "data": data}


def show_model(name: str, session: Session) -> dict[str, Any]:
    """Return the body that describes one model; an unknown one is a ``RequestError``."""
    _lens(name, session)
    return {"id": name, "object": "model", "created": 0, "owned_by": "mote"}


def _lens(model: object, session: Session) -> Lens:
    """Find the lens of a model's name, whose query side is the one route that it means."""
    if not isinstance(model, str) or not model.strip():
        raise _unknown("No model was given.", session)
    try:
        lens = session.lens(model)
    except UserError as error:
        raise _unknown(str(error), session) from error
    parsed = LensName.parse(model, session.shelf.models.__contains__)
    if lens.query != lens.document and parsed.look not in lens.encoder.all_routes:
        options = str(LensName("", "", parsed.instruction, parsed.expert))
        sides = " or ".join(repr(f"{parsed.model}/{route}{options}") for route in (lens.query, lens.document))
        raise RequestError(
            f"{model!r} means two routes, and there is no default. Please ask for {sides}.", "model", "model_not_found"
        )
    return lens


def _unknown(problem: str, session: Session) -> RequestError:
    names = ", ".join(served_models(session))
    return RequestError(f"{problem} Models here: {names}.", "model", "model_not_found", 404)


def _texts(given: object) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise RequestError("The input must be a text, or a list of texts.", "input")
    for number, text in enumerate(texts, 1):
        # A token is a number, and a list of tokens one text.
        if isinstance(text, int | list) and not isinstance(text, bool):
            raise RequestError(_TOKENS, "input")
        if not isinstance(text, str):
            raise RequestError(f"Text {number} of the input is a {type(text).__name__}, not a text.", "input")
        if not text.strip():
            raise RequestError(f"Text {number} of the input is empty.", "input")
    try:
        check_amount(texts)
    except UserError as error:
        raise RequestError(str(error), "input") from error
    return texts


def _check_dimensions(given: object, lens: Lens) -> None:
    if given is None:
        return
    width = lens.encode_query([""]).shape[1]
    if given != width:
        raise RequestError(
            f"The vectors of this model have {width} dimensions and were not trained to be cut; please leave "
            f"'dimensions' out.",
            "dimensions",
        )
