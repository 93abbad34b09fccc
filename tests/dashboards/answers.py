"""What every refusal must look like."""

import httpx2


def assert_problem(response: httpx2.Response, status: int) -> None:
    """Check that a response is a whole RFC 9457 problem with this status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:siloscope:problem:")
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == response.request.url.path
    assert body["request_id"] == response.headers["x-request-id"]
