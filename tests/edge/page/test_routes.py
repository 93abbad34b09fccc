"""Only known paths and parameters are answered, to those who are near, and no oftener made than it does good."""

import re
from importlib.resources import files

import pytest

from siloscope_edge.page import routes
from siloscope_edge.page.routes import HEADERS, Routes
from siloscope_process.http_messages import Refused, Request
from tests.edge.page.watched_yard import WatchedYard


async def refused(yard: WatchedYard, path: str, **parameters: str) -> tuple[int, str]:
    with pytest.raises(Refused) as error:
        await yard.answer(path, parameters)
    return int(error.value.status), str(error.value)


@pytest.mark.parametrize(
    "path",
    [
        "/../edge.yaml",
        "/assets/../page.css",
        "/%2e%2e/edge.yaml",
        "//page.css",
        "/page.css/",
        "/./",
        "/edge.yaml",
        "/password",
        "/index.html",
        "/documents.d.ts",
        "/metrics",
        "/PAGE.CSS",
        "/page.css%00",
        "\\page.css",
    ],
)
async def test_what_is_not_on_the_list_is_not_here(yard: WatchedYard, path: str) -> None:
    assert (await refused(yard, path))[0] == 404


@pytest.mark.parametrize("path", ["/", "/page.js", "/status.json", "/nothing"])
async def test_who_is_far_or_asks_under_another_name_gets_nothing_at_all(yard: WatchedYard, path: str) -> None:
    for peer, host, status in (("8.8.8.8", "yard-pi.local", 403), ("192.168.1.7", "evil.example", 421)):
        with pytest.raises(Refused) as error:
            await yard.routes.respond(Request("GET", path, {}, {"host": host}, peer))
        assert error.value.status == status


async def test_what_is_asked_wrongly_is_told_what_is_right(yard: WatchedYard) -> None:
    assert await refused(yard, "/values.json", devise="x") == (
        400,
        "parameter 'devise' is not known here; expected device",
    )
    assert await refused(yard, "/status.json", a="1") == (400, "parameter 'a' is not known here; expected none")
    status, detail = await refused(yard, "/values.json", device="bin-1,bin-3")
    assert (status, detail) == (404, "there is no device 'bin-3'; there are bin-1, bin-2, agent")
    assert (await refused(yard, "/history.json"))[0] == 404
    assert (await refused(yard, "/history.json", device="bin-1", channel="t9"))[0] == 404
    for step in ("", "0", "-1", "1.5", "9" * 50, "86401", "0000000019", "000000001" * 600, "٣"):
        assert (await refused(yard, "/history.json", device="bin-1", step_s=step))[0] == 400


async def test_a_device_without_memory_for_its_chart_says_which_setting_gives_more(yard: WatchedYard) -> None:
    yard.board.of("bin-1").history = None
    assert "page.history_bytes" in (await refused(yard, "/history.json", device="bin-1"))[1]


async def test_while_the_agent_begins_anew_documents_wait_and_the_page_is_there(yard: WatchedYard) -> None:
    yard.routes = Routes(lambda: None, yard.routes._admission, yard.clock)
    assert (await refused(yard, "/values.json"))[0] == 503
    assert (await yard.answer("/")).status == 200


async def test_what_did_not_change_is_not_sent_again(yard: WatchedYard) -> None:
    for path in ("/", "/page.js", "/status.json"):
        answer = await yard.answer(path)
        again = await yard.answer(path, headers={"if-none-match": answer.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")


async def test_many_who_ask_at_once_are_given_one_answer(yard: WatchedYard) -> None:
    first = await yard.answer("/values.json")
    await yard.poll()
    assert await yard.answer("/values.json") is first
    yard.pass_time(1)
    assert (await yard.answer("/values.json")).body != first.body


async def test_answers_that_are_kept_are_few(yard: WatchedYard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_KEPT_BYTES", 50_000)
    for step_s in range(60, 20 * 60, 60):
        await yard.answer("/history.json", {"device": "bin-1", "step_s": str(step_s)})
    kept = [len(each.answer.body) for each in yard.routes._kept.values()]
    assert sum(kept) <= 50_000
    assert len(kept) > 1


async def test_the_page_asks_nobody_else(yard: WatchedYard) -> None:
    """It works in a yard without the internet, and no stranger's script runs in it."""
    page = (await yard.answer("/")).body.decode()
    asked = set(re.findall(r'(?:src|href)="(/[^"]*)"', page))
    seen: set[str] = set()
    while asked - seen:
        for path in asked - seen:
            seen.add(path)
            text = (await yard.answer(path)).body.decode()
            asked |= {f"/{name}" for name in re.findall(r' from "\./([^"]*)";$', text, re.MULTILINE)}
            page += text
    there_are = {f"/{each.name}" for each in files("siloscope_edge.page").joinpath("assets").iterdir()}
    assert seen == there_are - {"/index.html", "/documents.d.ts"}
    assert "https://" not in page
    assert page.replace("http://www.w3.org/2000/svg", "").count("http://") == 0
    assert "style=" not in page
    assert "innerHTML" not in page
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
