"""A web server that misbehaves on demand, and a stand-in for the Hugging Face hub."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Server:
    """What it serves, how it is to fail, and what it was asked.

    `faults` is used up one a request: a status such as 503, alone or with headers, as in (503,
    {"Retry-After": "9"}); "truncate" (half of what it promised); "no ranges" (the whole file,
    whatever was asked); or a function from what is sent to the headers that go with it.
    """

    def __init__(self, files: dict[str, bytes]):
        self.files, self.faults, self.asked = files, [], []
        self.address = ""

    @property
    def ranges(self) -> list[str | None]:
        return [found for _, _, found in self.asked]


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, body: bool):
            wanted = self.headers.get("Range")
            server.asked.append((self.command, self.path, wanted))
            fault = server.faults.pop(0) if server.faults else None
            data = server.files.get(self.path)
            if data is None or isinstance(fault, int | tuple):
                status, headers = fault if isinstance(fault, tuple) else (fault or 404, {})
                self.send_response(status)
                self.send_headers({"Content-Length": "0", **headers})
                return
            start = 0
            if wanted and fault != "no ranges":
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data) > 0 and start:
                self.send_error(416)
                return
            sent = data[start:]
            headers = {
                "Content-Length": str(len(sent)),
                "ETag": f'"{abs(hash(data)):x}"',
                "X-Repo-Commit": COMMIT,
            }
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.send_response(206 if start else 200)
            self.send_headers({**headers, **(fault(sent) if callable(fault) else {})})
            if body:
                self.wfile.write(sent[: len(sent) // 2] if fault == "truncate" else sent)

        def send_headers(self, headers: dict[str, str]):
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    return Handler


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Server]:
    """A server on a free port of this machine."""
    server = Server(files)
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
    server.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
