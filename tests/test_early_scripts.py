"""Scripts that the browser runs before Gradio's own."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from mote_demo.ui.early_scripts import EarlyScripts

PAGE = "<!doctype html><html><head><title>ä</title></head><body><pre>&lt;head></pre></body></html>"


@pytest.fixture
def client():
    routes = [
        Route("/", lambda _: HTMLResponse(PAGE)),
        Route("/data", lambda _: JSONResponse({"page": PAGE})),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(EarlyScripts, scripts="<script>ü</script>")]))


def test_a_page_has_them_first_in_its_head(client):
    answer = client.get("/")
    assert answer.text == PAGE.replace("<head>", "<head><script>ü</script>", 1)
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_other_answers_stay_as_they_are(client):
    assert client.get("/data").json() == {"page": PAGE}
