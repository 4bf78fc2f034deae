"""A real MCP client finds the app's tools, and uses them."""

from ast import literal_eval
from concurrent.futures import ThreadPoolExecutor

import anyio
import numpy as np
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from mote_demo.ui.app import build_app, launch_options


@pytest.fixture(scope="module")
def address(open_shelf, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_MCP_SERVER", "True")
        demo = build_app(open_shelf(tmp_path_factory.mktemp("store")))
        _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield f"{address}gradio_api/mcp/"
    demo.close()


@pytest.fixture(scope="module")
def use(address):
    """Call ``action(session)`` with an MCP session."""

    async def with_session(action):
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await action(session)

    # A thread of its own: where a browser was driven, this one has a loop that runs already.
    with ThreadPoolExecutor(1) as thread:
        yield lambda action: thread.submit(anyio.run, with_session, action).result()


def call(use, tool, **arguments):
    result = use(lambda session: session.call_tool(tool, arguments))
    assert not result.isError, result.content
    return literal_eval(result.content[0].text)  # Gradio writes values as Python does


def test_the_tools_are_the_endpoints_each_with_a_description_and_choices(use):
    tools = {tool.name: tool for tool in use(lambda session: session.list_tools()).tools}
    assert set(tools) == {"search", "disagree", "classes", "encode", "similarity", "lenses", "tasks"}
    assert all(tool.description for tool in tools.values())
    for tool in tools.values():
        assert all(each.get("description") for each in tool.inputSchema.get("properties", {}).values()), tool.name
    wanted = tools["search"].inputSchema["properties"]["right"]
    assert "mote/retrieval" in wanted["anyOf"][0]["enum"]


def test_search_encode_and_similarity_answer(use, tiny_encoder):
    own = ["my card was charged twice", "a cat and a dog"]
    found = call(use, "search", left="baseline/retrieval", right="mote/retrieval", texts=own, query="a dog", k=1)
    assert [hit["rank"] for hit in found["hits"]] == [1, 1]
    vectors = call(use, "encode", lens="mote/sts?instruction=off", side="query", texts=own)
    np.testing.assert_allclose(vectors, tiny_encoder.encode(own, route="sts", instruction=False), atol=1e-6)
    assert call(use, "similarity", left="untouched", right="mote/similarity", texts=own)["contrasts"] == []


def test_a_wrong_call_tells_what_is_wrong(use):
    wrong = {"lens": "mote/bogus", "side": "query", "texts": ["a"]}
    result = use(lambda session: session.call_tool("encode", wrong))
    assert result.isError
    assert "bogus" in result.content[0].text
    assert "retrieval" in result.content[0].text
