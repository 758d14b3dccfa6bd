"""The server of the review page: who may ask, and what the answers carry."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

pytest.importorskip("starlette", reason="the extra [review] is not installed")
pytest.importorskip("uvicorn", reason="the extra [review] is not installed")

from p3m_anon.errors import UsageError
from p3m_anon.review.app import HEADERS, PAGE
from p3m_anon.review.desk import Json, Refused
from p3m_anon.review.server import running
from tests.review.fake_desk import FakeDesk, drawn_picture

PICTURES = {name: drawn_picture(number, (90, 60)) for number, name in enumerate(["a.jpg", "b ä&.jpg"])}
ALL = "x=0&y=0&w=90&h=60"


class Troubled(FakeDesk):
    """Refuses one picture and breaks on another."""

    def picture(self, path: str, wanted: str) -> Json:
        if path == "broken":
            raise RuntimeError("/secret/place")
        if path == "taken":
            raise Refused(409, "somebody else was faster", now={"id": 7})
        return super().picture(path, wanted)


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    url: str
    desk: FakeDesk

    def get(self, path: str) -> Answer:
        return self.send(urllib.request.Request(self.url + path))

    def post(self, path: str, body: bytes, kind: str = "application/json") -> Answer:
        return self.send(urllib.request.Request(self.url + path, body, {"Content-Type": kind}))

    def send(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    desk = Troubled(dict(PICTURES))
    with running(desk) as (url, _):
        yield Client(url, desk)


def test_the_page_and_all_that_it_names_are_served_with_their_type(client: Client) -> None:
    index = client.get("")
    assert index.status == 200
    assert index.headers.get_content_type() == "text/html"
    for file in PAGE.iterdir():
        answer = client.get(f"page/{file.name}")
        assert (answer.status, answer.body) == (200, file.read_bytes())
        assert answer.headers.get_content_type() == {
            ".js": "text/javascript", ".css": "text/css", ".html": "text/html"
        }[file.suffix]  # fmt: skip


def test_nothing_is_found_without_the_token(client: Client) -> None:
    parts = urlsplit(client.url)
    base, token = f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")
    for path in ("/", "/api/state", "/page/main.js", f"/{token}", f"/{token[:-1]}/", f"/{token}x/api/state", "/ä/"):
        answer = Client(base, client.desk).get(quote(path))
        assert (answer.status, answer.json) == (404, {"error": "not found"})


@pytest.mark.parametrize("path", ["page/../app.py", "page/..%2fapp.py", "page/none.js", "page/", "api/none", "api"])
def test_nothing_but_the_page_and_the_answers_is_found(client: Client, path: str) -> None:
    assert client.get(path).status == 404


@pytest.mark.parametrize("path", ["", "page/main.js", "api/state", "api/none", "api/picture?path=broken&filter=todo"])
def test_every_answer_carries_the_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert headers["Server"] is None
    outside = Client(client.url.rsplit("/", 2)[0] + "/other/", client.desk).get(path).headers
    assert {name: outside[name] for name in HEADERS} == HEADERS


def test_a_name_that_was_made_to_point_here_is_refused(client: Client) -> None:
    parts = urlsplit(client.url)
    assert parts.port is not None

    def status(host: str) -> int:
        connection = HTTPConnection("127.0.0.1", parts.port, timeout=60)
        connection.request("GET", parts.path, headers={"Host": host})
        answer = connection.getresponse()
        assert answer.headers["Cache-Control"] == "no-store"
        connection.close()
        return answer.status

    assert status(f"127.0.0.1:{parts.port}") == status(f"localhost:{parts.port}") == 200
    assert status(f"evil.example:{parts.port}") == 400


def test_questions_reach_the_desk(client: Client) -> None:
    assert client.get("api/state").json["out"] == "release"
    rows = client.get("api/queue?filter=todo&after=&limit=1&find=").json
    assert [row["path"] for row in rows["rows"]] == ["a.jpg"]
    assert rows["more"]
    last = client.get("api/queue?filter=todo&after=a.jpg&limit=9").json["rows"]
    picture = client.get(f"api/picture?filter=todo&path={quote(last[0]['path'])}").json
    assert picture["path"] == "b ä&.jpg"
    image = client.get(f"api/image?path=a.jpg&which=original&{ALL}&width=45")
    assert (image.headers.get_content_type(), image.body[:2]) == ("image/jpeg", b"\xff\xd8")
    layer = client.get("api/transition?path=a.jpg&width=45")
    assert (layer.headers.get_content_type(), layer.body[:4]) == ("image/png", b"\x89PNG")
    assert client.post("api/write", b"{}").json["running"]
    assert not client.get("api/write").json["running"]


def test_sheets_are_drawn_shown_and_answered(client: Client) -> None:
    room = {"visit": None, "fresh": True, "filter": "todo", "width": 900, "height": 600, "dense": 1}
    drawn = client.post("api/sheets/draw", json.dumps(room).encode()).json["sheet"]
    name = drawn["rows"][0][0]["images"][0]["name"]
    image = client.get(f"api/sheets/image?name={name}")
    assert (image.headers.get_content_type(), image.body[:2]) == ("image/jpeg", b"\xff\xd8")
    assert {key: image.headers[key] for key in HEADERS} == HEADERS
    answer = {"sheet": drawn["sheet"], "who": "Ada", "marked": [], "tiles": [], "seconds": 1}
    assert client.post("api/sheets/answer", json.dumps(answer).encode()).json["state"] == "failed"
    assert client.get("api/sheets/answer").status == 405
    assert client.get("api/sheets/image").status == 400


def test_what_the_desk_refuses_keeps_its_status_and_what_goes_with_it(client: Client) -> None:
    answer = client.get("api/picture?path=taken&filter=todo")
    assert (answer.status, answer.json) == (409, {"error": "somebody else was faster", "now": {"id": 7}})


def test_what_nobody_expected_says_nothing_of_this_machine(client: Client) -> None:
    answer = client.get("api/picture?path=broken&filter=todo")
    assert (answer.status, answer.json) == (500, {"error": "unexpected RuntimeError, see the terminal"})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("api/queue?limit=3", "`filter` is missing"),
        ("api/queue?filter=todo&limit=many", "`limit` must be a whole number from 1 on, not 'many'"),
        ("api/picture?filter=todo", "`path` is missing"),
        (f"api/image?path=a.jpg&which=secret&{ALL}&width=9", "`which` is original or released, not 'secret'"),
        (f"api/image?path=a.jpg&which=original&{ALL}&width=0", "`width` must be a whole number from 1 on, not '0'"),
        ("api/image?path=a.jpg&which=original&x=-1&y=0&w=1&h=1&width=1", "`x` must be a whole number from 0 on"),
        ("api/transition?path=a.jpg&width=99999999999999999999", "`width` must be a whole number"),
    ],
)
def test_a_question_that_is_not_understood_is_told_in_one_line(client: Client, path: str, said: str) -> None:
    answer = client.get(path)
    assert answer.status == 400
    assert answer.json["error"].startswith(said)
    assert "\n" not in answer.json["error"]


@pytest.mark.parametrize("order", ["decide", "preview", "write", "sheets/draw", "sheets/answer"])
def test_orders_are_json_objects_of_that_type(client: Client, order: str) -> None:
    assert client.post(f"api/{order}", b"{}", "text/plain").status == 415
    assert client.post(f"api/{order}", b"{", "application/json").json == {"error": "what was sent is not JSON"}
    assert client.post(f"api/{order}", b"\xff\xfe\xfd", "application/json; charset=utf-8").status == 400
    assert client.post(f"api/{order}", b"[]").json == {"error": "what was sent is not a JSON object"}
    assert client.desk.asked == []


def test_a_question_is_no_order(client: Client) -> None:
    assert client.get("api/decide").status == 405


def test_a_taken_port_is_told_in_one_line(client: Client) -> None:
    port = urlsplit(client.url).port
    assert port is not None
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1, port {port}: .*; choose another port"):
        running(client.desk, port=port).__enter__()


def test_each_server_has_a_token_of_its_own_and_ends(client: Client) -> None:
    with running(client.desk) as (url, thread):
        assert urlsplit(url).path != urlsplit(client.url).path
        assert len(urlsplit(url).path) > 30
    assert not thread.is_alive()
    with pytest.raises(urllib.error.URLError):
        Client(url, client.desk).get("")


def test_a_body_beyond_all_reason_is_refused_before_it_is_held(client: Client) -> None:
    answer = client.post("api/decide", b'{"path": "' + b"a" * (17 << 20) + b'"}')
    assert answer.status == 413
    assert client.desk.asked == []
    assert client.post("api/decide", b"[" * 200_000).status == 400
