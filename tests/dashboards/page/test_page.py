"""The page's files, and what stands in for a page that was not built."""

import re
import shutil
from pathlib import Path

import httpx2
import pytest

from siloscope_dashboards.page.router import OWN_ADDRESSES
from tests.dashboards.answers import assert_problem

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = "/assets/index-C3d4E5f6.js"


@pytest.mark.parametrize("path", ["/api", "/api/v2/sites", "/api/v1/nothing", "/assets/gone-12345678.js"])
async def test_what_is_not_a_page_address_is_a_problem_also_for_a_browser(
    client: httpx2.AsyncClient, path: str
) -> None:
    assert_problem(await client.get(path, headers=HTML), 404)


@pytest.mark.parametrize("path", ["/nothing.png", "/sites/3", "/favicon.ico"])
async def test_who_takes_no_page_gets_a_problem(client: httpx2.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path, headers={"Accept": "application/json"}), 404)


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/assets/../../secret", "//etc/passwd", "/%00", "/link"]
)
async def test_no_path_leads_out_of_the_folder(client: httpx2.AsyncClient, static: Path, path: str) -> None:
    (static.parent / "secret").write_text("secret")
    (static / "link").symlink_to(static.parent / "secret")
    response = await client.get(path, headers={"Accept": "image/png"})
    assert response.status_code == 404
    assert "secret" not in response.text.replace(path, "").replace("/secret", "")


@pytest.mark.parametrize("path", ["/healthy", "/sitesx", "/sites.png"])
async def test_who_takes_anything_gets_the_page_at_its_own_addresses_alone(
    client: httpx2.AsyncClient, path: str
) -> None:
    assert_problem(await client.get(path, headers={"Accept": "*/*"}), 404)


@pytest.mark.parametrize("path", ["/", "/sites", "/sites/3/channels", "/places/3", "/channels/9"])
async def test_a_probe_that_takes_anything_gets_the_page(client: httpx2.AsyncClient, path: str) -> None:
    whole = await client.get(path, headers={"Accept": "*/*"})
    head = await client.head(path, headers={"Accept": "*/*"})
    assert (whole.status_code, head.status_code) == (200, 200)
    assert whole.headers["content-type"] == "text/html; charset=utf-8"
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert head.content == b""


def test_the_pages_own_addresses_are_those_that_it_knows() -> None:
    routes = Path(__file__).parents[3] / "dashboards" / "web" / "src" / "routes.ts"
    known = set(re.findall(r'head === "(\w+)"', routes.read_text()))
    assert {*known, ""} == set(OWN_ADDRESSES)


async def test_another_method_is_a_problem(client: httpx2.AsyncClient) -> None:
    response = await client.post("/")
    assert_problem(response, 405)
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_a_page_that_was_not_built_says_how_to_build_it(client: httpx2.AsyncClient, static: Path) -> None:
    shutil.rmtree(static)
    response = await client.get("/", headers=HTML)
    assert response.status_code == 503
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "make install" in response.text


@pytest.mark.parametrize("path", ["/", "/sites/3", "/places/7/channels/9", "/index.html"])
async def test_every_address_of_the_page_gets_the_page(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.get(path, headers=HTML)
    assert response.status_code == 200
    assert response.text == "<!doctype html><title>Siloscope</title>"
    assert response.headers["cache-control"] == "no-cache"


async def test_a_file_named_by_its_hash_is_kept_for_ever(client: httpx2.AsyncClient) -> None:
    response = await client.get(SCRIPT)
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["content-encoding"] == "gzip"


async def test_what_a_browser_has_already_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    tag = (await client.get("/icon.svg")).headers["etag"]
    response = await client.get("/icon.svg", headers={"If-None-Match": tag})
    assert response.status_code == 304
    assert response.content == b""
