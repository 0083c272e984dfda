"""Documents: what can be wrong with a file before its format matters, said plainly and in bounded time."""

import http.server
import threading

import pytest
from waiting import at_most_cpu_seconds

from funcdex_assets.catalog import documents
from funcdex_assets.catalog.errors import CatalogError

LAUGHS = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (level, level, b", ".join([b"*a%d" % (level - 1)] * 9)) for level in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="json"),
        pytest.param(b'\xef\xbb\xbf[{"a": "\xc3\xa9"}]', [{"a": "é"}], id="a byte order mark"),
        pytest.param('{"a": "é"}'.encode("utf-16"), {"a": "é"}, id="utf-16"),
        pytest.param(b"a: 2020-01-01\nb: on\nc: true\n", {"a": "2020-01-01", "b": "on", "c": True}, id="plain scalars"),
        pytest.param(
            b"200: {x: 1}\nno: 2\ntrue: 3\nnull: 4\n", {"200": {"x": 1}, "no": 2, "true": 3, "null": 4}, id="keys"
        ),
        pytest.param(b"{a: 1, b: [x]}", {"a": 1, "b": ["x"]}, id="yaml in braces"),
        pytest.param(b"a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}, id="an alias"),
    ],
)
def test_what_is_read(content, value):
    assert documents.parse_document(content, "tools.yaml") == value


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b'{"a": [1, 2', "tools.json is cut off after 11 bytes; get the whole file", id="cut off"),
        pytest.param(b'{"a": }', "tools.json is not readable JSON: JSON is malformed", id="malformed"),
        pytest.param(b'{"a": "\xff"}', "tools.json is not utf-8 at byte 7; save it as UTF-8", id="another encoding"),
        pytest.param(b"hello", "holds 'hello', neither a mapping nor a list", id="a word"),
        pytest.param(b"", "holds 'None', neither a mapping nor a list", id="nothing"),
        pytest.param(b"a: [1", "is not readable YAML", id="yaml cut off"),
        pytest.param(b"a: !!python/object/apply:os.system ['true']", "is not readable YAML", id="yaml that would run"),
        pytest.param(b"a: &a [*a]", "aliases make more than", id="an alias that contains itself"),
        pytest.param(LAUGHS, "aliases make more than", id="a billion laughs"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="very deep json"),
        pytest.param(b"a: " + b"[" * 100_000, "is not readable YAML", id="very deep yaml"),
    ],
)
def test_what_is_refused_and_why(content, said):
    with at_most_cpu_seconds(60):
        with pytest.raises(CatalogError) as raised:
            documents.parse_document(content, "tools.json")
        assert said in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CatalogError, match=r"none\.json cannot be read: No such file or directory"):
        documents.load_document(tmp_path / "none.json")


def test_a_file_that_is_too_large_is_not_even_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MOST_BYTES", 10)
    path = tmp_path / "large.json"
    path.write_text("[" + "1," * 50 + "1]")
    with pytest.raises(CatalogError, match="more than the 10 that are read"):
        documents.load_document(path)


@pytest.fixture
def address():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response({"/moved": 302, "/tools": 200}.get(self.path, 404))
            self.send_header("Location", "/tools")
            self.end_headers()
            self.wfile.write(b'{"a": 1}')

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.concurrent
def test_an_address_is_fetched_and_followed(address):
    assert documents.load_document(f"{address}/moved") == {"a": 1}


@pytest.mark.concurrent
def test_an_address_without_a_document(address):
    with pytest.raises(CatalogError, match=r"/none cannot be fetched: .*404"):
        documents.load_document(f"{address}/none")


@pytest.mark.concurrent
def test_an_address_where_nobody_answers(address):
    with pytest.raises(CatalogError, match="cannot be fetched"):
        documents.load_document("http://127.0.0.1:9/tools")


@pytest.mark.concurrent
def test_what_an_address_sends_is_bounded(address, monkeypatch):
    monkeypatch.setattr(documents, "MOST_BYTES", 3)
    with pytest.raises(CatalogError, match="more than the 3 bytes"):
        documents.load_document(f"{address}/tools")
