"""What stands between the network and the app."""

import logging
import os
import stat
from types import SimpleNamespace
from typing import Annotated

import pytest
from fastapi import Body, FastAPI
from fastapi.exceptions import RequestValidationError
from gradio.route_utils import FnIndexInferError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, Router
from starlette.testclient import TestClient

from mote_demo import settings
from mote_demo.errors import UserError
from mote_demo.limits import MAX_BYTES, REQUEST_BYTES
from mote_demo.serving.rates import Rates
from mote_demo.serving.sessions import Session, Sessions
from mote_demo.ui import server
from mote_demo.ui.server import Gate, client_address
from mote_demo.ui.shared import downloads
from mote_demo.ui.shared.visitor import COOKIE, visitor_of

HERE = "http://localhost:7860"


async def _page(request):
    return HTMLResponse("<p>page</p>")


async def _data(request):
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def _mistake(request):
    raise KeyError("my own words")


def client(**options):
    """Return a client of a small app behind the gate."""
    routes = [
        Route("/", _page),
        Route("/data", _data, methods=["POST"]),
        Route("/upload", _data, methods=["POST"]),
        Route("/mistake", _mistake, methods=["GET", "POST"]),
    ]
    return TestClient(Gate(Router(routes), **options), base_url=HERE)


@pytest.mark.parametrize("path", ["/", "/mistake", "/nothing"])
def test_every_answer_has_the_headers_also_one_that_failed(path):
    headers = client().get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self' https://huggingface.co https://*.hf.space"
    assert policy["object-src"] == "'none'"
    hosts = {word for name, words in policy.items() if name != "frame-ancestors" for word in words.split()}
    assert not {word for word in hosts if "://" in word or "*" in word}


def test_a_mistake_answers_in_one_sentence_and_is_logged_without_words(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("mote_demo"), "propagate", True)
    answer = client().get("/mistake?q=secret")
    assert answer.status_code == 500
    assert "The app made a mistake" in answer.json()["error"]
    assert "words" not in answer.text
    facts = caplog.records[-1].facts
    assert facts["type"] == "KeyError"
    assert "secret" not in str(facts)
    assert "words" not in str(facts)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"origin": HERE}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": HERE, "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}, 403),
        ({"origin": HERE, "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_pages_of_other_sites_can_upload_nothing(headers, status):
    assert client().post("/upload", content=b"x", headers=headers).status_code == status
    assert client().get("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/gradio_api/file=https://example.org/a", 403),
        ("/gradio_api/file/HTTP://example.org/a", 403),
        ("/gradio_api/file=%68ttps://example.org/a", 403),
        ("/gradio_api/proxy=https://example.org/a", 403),
        ("/gradio_api/file=/tmp/a:b", 404),  # the small app has no files
    ],
)
def test_nobody_makes_the_app_fetch_an_address(path, status):
    assert client().get(path).status_code == status


@pytest.mark.parametrize(
    ("host", "allowed", "answered"),
    [
        ("localhost:7860", (), True),
        ("127.0.0.1:7860", (), True),
        ("192.168.1.7", (), True),
        ("[::1]:7860", (), True),
        ("evil.example", (), False),
        ("mote.example.org", ("mote.example.org",), True),
        ("a.example.org", ("*.example.org",), True),
        ("example.org.evil.example", ("*.example.org",), False),
        ("evil.example", ("*",), True),
        ("", (), False),
        ("a b", (), False),
        ("[half", (), False),
    ],
)
def test_only_names_of_the_app_are_answered(host, allowed, answered):
    answer = client(hosts=allowed).get("/", headers={"host": host})
    assert (answer.status_code == 200) == answered
    if not answered:
        assert "MOTE_ALLOWED_HOSTS" in answer.json()["error"]


def test_one_address_may_ask_so_often_and_another_is_not_held_up():
    rates = Rates(3, 0.0)
    one = client(requests=rates, proxies=1)
    asked = [one.post("/data", headers={"x-forwarded-for": "1.1.1.1"}).status_code for _ in range(4)]
    assert asked == [200, 200, 200, 429]
    assert one.post("/data", headers={"x-forwarded-for": "2.2.2.2"}).status_code == 200
    assert one.get("/", headers={"x-forwarded-for": "1.1.1.1"}).status_code == 200


def test_a_bucket_fills_again_and_holds_no_more_than_at_first():
    now = [0.0]
    rates = Rates(2, 0.5, clock=lambda: now[0])
    assert [rates.take("a"), rates.take("a"), rates.take("a")] == [True, True, False]
    now[0] += 2
    assert [rates.take("a"), rates.take("a")] == [True, False]
    now[0] += 1000
    assert [rates.take("a", 3), rates.take("a", 2)] == [False, True]


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("", 0, "9.9.9.9"),
        ("1.1.1.1", 0, "9.9.9.9"),
        ("forged, 1.1.1.1", 1, "1.1.1.1"),
        ("forged, 1.1.1.1, 10.0.0.1", 2, "1.1.1.1"),
        ("1.1.1.1", 2, "9.9.9.9"),
        ("2001:db8:1:2:3:4:5:6", 1, "2001:db8:1:2::/64"),
    ],
)
def test_an_address_is_taken_from_a_header_only_behind_so_many_proxies(forwarded, proxies, address):
    headers = Headers({"x-forwarded-for": forwarded} if forwarded else {})
    assert client_address({"client": ("9.9.9.9", 1)}, headers, proxies) == address


def test_a_request_may_be_so_large_whatever_it_says_of_its_size():
    def parts(size):
        for _ in range(size // 1_000_000):
            yield b"x" * 1_000_000

    assert client().post("/data", content=b"x" * 1000).text == "1000 bytes"
    assert client().post("/data", content=b"x" * (REQUEST_BYTES + 1)).status_code == 413
    assert client().post("/data", content=parts(REQUEST_BYTES + 1_000_000)).status_code == 413
    assert client().post("/upload", content=parts(MAX_BYTES)).status_code == 200
    assert client().post("/upload", content=parts(MAX_BYTES + 2_000_000)).status_code == 413


def test_so_much_may_be_uploaded_by_one_address_and_by_all():
    one = client(uploads=Rates(1500, 0.0), proxies=1)
    for address, status in (("1.1.1.1", 200), ("1.1.1.1", 429), ("2.2.2.2", 200)):
        answer = one.post("/upload", content=b"x" * 1000, headers={"x-forwarded-for": address})
        assert answer.status_code == status
    every = client(all_uploads=Rates(1500, 0.0), proxies=1)
    for address, status in (("1.1.1.1", 200), ("2.2.2.2", 429)):
        answer = every.post("/upload", content=b"x" * 1000, headers={"x-forwarded-for": address})
        assert answer.status_code == status


def test_a_browser_keeps_a_cookie_that_no_script_reads_and_pages_of_others_cannot_send():
    browser = client()
    cookie = browser.get("/").headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert len(browser.cookies[COOKIE]) > 20
    assert "set-cookie" not in browser.get("/").headers
    assert "set-cookie" not in client().post("/data").headers
    framed = client().get("/", headers={"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert "SameSite=None; Secure; Partitioned" in framed


def test_the_id_of_a_page_is_not_enough_to_take_over_its_session(shelf):
    sessions = Sessions(lambda: Session(shelf))
    own, other, none = (
        SimpleNamespace(session_hash="seen in an address", cookies=cookies)
        for cookies in ({COOKIE: "a"}, {COOKIE: "b"}, {})
    )
    session = sessions.of(visitor_of(own))
    assert sessions.of(visitor_of(own)) is session
    assert sessions.of(visitor_of(other)) is not session
    assert sessions.of(visitor_of(none)) is not session
    assert visitor_of(SimpleNamespace(session_hash=None, cookies={COOKIE: "a"})) is None


def test_a_download_goes_with_the_session_it_was_written_for(shelf, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    now = [0.0]
    sessions = Sessions(lambda: Session(shelf), clock=lambda: now[0])
    path = downloads.new_file("mine.csv", sessions.of("a"))
    path.write_text("x")
    everybodys = downloads.new_file("all.json")
    everybodys.write_text("x")
    sessions.close("a")
    now[0] += 100_000
    sessions.of("b")
    assert not path.parent.exists()
    assert everybodys.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize("given", [True, False])
def test_no_other_user_of_the_machine_reads_visitors_files(tmp_path, monkeypatch, given):
    monkeypatch.setattr(downloads.tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    if given:
        (tmp_path / "mine").mkdir(mode=0o755)
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "mine"))
    before = os.umask(0o022)
    try:
        downloads.keep_files_private()
        path = downloads.new_file("a.csv")
        path.write_text("x")
    finally:
        os.umask(before)
    folder = path.parent.parent
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_settings_of_the_server(monkeypatch):
    for name in ("MOTE_ALLOWED_HOSTS", "MOTE_PROXIES", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    assert (settings.allowed_hosts(), settings.proxies()) == ((), 0)
    monkeypatch.setenv("MOTE_ALLOWED_HOSTS", "Mote.example.org, *.example.com,")
    monkeypatch.setenv("MOTE_PROXIES", "2")
    assert (settings.allowed_hosts(), settings.proxies()) == (("mote.example.org", "*.example.com"), 2)
    monkeypatch.delenv("MOTE_ALLOWED_HOSTS")
    monkeypatch.setenv("SPACE_ID", "owner/space")
    assert settings.allowed_hosts() == ("*",)
    monkeypatch.setenv("MOTE_PROXIES", "many")
    with pytest.raises(UserError, match="MOTE_PROXIES"):
        settings.proxies()


def client_of_pages(browser, app=None):
    async def stream(request):
        return PlainTextResponse("answers")

    app = app or Gate(Router([Route("/{path:path}", stream)]))
    return TestClient(app, base_url=HERE, cookies={COOKIE: browser} if browser else {})


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/queue/data?session_hash=mine",
        "/gradio_api/heartbeat/mine",
        "/gradio_api/stream/mine/1/2/playlist.m3u8",
        "/gradio_api/queue/data/?x=1&session_hash=mine",
    ],
)
def test_the_answers_of_a_page_are_for_the_browser_that_opened_it(path):
    own = client_of_pages("a")
    others = [client_of_pages(browser, own.app) for browser in ("b", None)]
    assert own.get("/gradio_api/heartbeat/mine").status_code == 200
    assert [each.get(path).status_code for each in others] == [403, 403]
    assert own.get(path).status_code == 200
    assert others[0].get(path.replace("mine", "theirs")).status_code == 200
    assert others[0].get("/gradio_api/info").status_code == 200


def test_only_so_many_pages_are_remembered():
    pages = server._Pages(2)
    assert [pages.belongs(page, "a") for page in ("1", "2", "3")] == [True] * 3
    assert pages.belongs("1", "b")
    assert not pages.belongs("3", "b")


def test_refused_fields_are_named_without_what_they_held():
    app = FastAPI(exception_handlers={RequestValidationError: server.refuse_values})

    @app.post("/take")
    def take(number: Annotated[int, Body(embed=True)]):
        return number

    for body in (b'{"number": "half \\ud83d"}', b'{"number": NaN}', b'{"\\ud83d": 1}'):
        answer = TestClient(app).post("/take", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422
        assert "half" not in answer.text
        assert answer.json()["problems"][0]["field"] == "number"


def test_what_is_not_there_is_no_mistake_of_the_app(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("mote_demo"), "propagate", True)

    async def endpoint(request):
        raise FnIndexInferError("Could not infer function index for API name: x")

    async def stream(request):
        async def parts():
            yield b"first"
            raise HTTPException(404)

        return StreamingResponse(parts())

    routes = [Route("/call", endpoint), Route("/stream", stream)]
    asks = TestClient(Starlette(routes=routes, middleware=[Middleware(Gate)]), base_url=HERE)
    assert asks.get("/call").status_code == 404
    assert asks.get("/stream").text == "first"
    assert not [record for record in caplog.records if record.levelname == "ERROR" and record.name == "mote_demo"]


def test_health_tells_version_models_and_seconds():
    app = SimpleNamespace(get_blocks=lambda: SimpleNamespace(models=("baseline", "mote")))

    async def answer(scope, receive, send):
        response = await server.health(Request({**scope, "app": app}))
        assert isinstance(response, JSONResponse)
        await response(scope, receive, send)

    told = TestClient(answer, base_url=HERE).get("/health").json()
    assert told["status"] == "ok"
    assert told["models"] == ["baseline", "mote"]
    assert told["version"]
    assert told["seconds"] >= 0
