"""A server on the loopback that breaks off, stalls, corrupts and refuses, as it is told."""

import hashlib
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse


class FaultyServer(ThreadingHTTPServer):
    """Files by path, and a list of faults for each: the next request takes the next one.

    Faults: ``break`` (half of what is asked for, then the connection ends), ``stall`` (half,
    then silence), ``corrupt`` (one byte wrong), ``no-range`` (the whole file whatever was
    asked), ``changed`` (another version of the file from now on), or a number (that status).
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = dict(files)
        self.faults: dict[str, list] = defaultdict(list)
        self.requests: list[tuple[str, str | None]] = []
        self.sent = 0
        self.page_size = 1000
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address) -> None:
        """Clients that went away are part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def log_message(self, *args) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        parsed = urlparse(self.path)
        query = parse_qs(parsed.query)
        if "list-type" in query:
            return self._listing(query)
        path = unquote(parsed.path).lstrip("/")
        wanted = self.headers.get("Range")
        self.server.requests.append((path, wanted))
        faults = self.server.faults[path]
        fault = faults.pop(0) if faults else None
        if isinstance(fault, int):
            return self._answer(fault, b"")
        if path not in self.server.files:
            return self._answer(404, b"")
        if fault == "changed":
            self.server.files[path] = bytes(reversed(self.server.files[path]))
        self._send(self.server.files[path], wanted, fault)

    def _send(self, body: bytes, wanted: str | None, fault: str | None) -> None:
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        fresh = self.headers.get("If-Range") in (None, tag)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        partial = bool(wanted) and fresh and fault != "no-range"
        rest = body[start:] if partial else body
        if fault == "corrupt":
            rest = rest[:-1] + bytes([rest[-1] ^ 1])
        self.send_response(206 if partial else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", tag)
        self.end_headers()
        if fault in ("break", "stall"):
            self.wfile.write(rest[: len(rest) // 2])
            self.server.sent += len(rest) // 2
            self.wfile.flush()
            if fault == "stall":
                time.sleep(3)
            self.close_connection = True
            return
        self.wfile.write(rest)
        self.server.sent += len(rest)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _listing(self, query: dict) -> None:
        prefix = query.get("prefix", [""])[0]
        keys = sorted(key for key in self.server.files if key.startswith(prefix))
        start = int(query.get("continuation-token", ["0"])[0])
        page = keys[start : start + self.server.page_size]
        items = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(self.server.files[key])}</Size>"
            f'<ETag>"{hashlib.md5(self.server.files[key]).hexdigest()}"</ETag></Contents>'
            for key in page
        )
        end = start + self.server.page_size
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < len(keys) else ""
        space = "http://s3.amazonaws.com/doc/2006-03-01/"
        text = f'<ListBucketResult xmlns="{space}">{items}{more}</ListBucketResult>'
        self._answer(200, text.encode())


@contextmanager
def serve(files: dict[str, bytes]):
    """Run a server in a thread."""
    server = FaultyServer(files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
