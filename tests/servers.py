"""A web server that misbehaves on demand, and a stand-in for the Hugging Face hub."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Server:
    """What it serves, how it is to fail, and what it was asked.

    `faults` is used up one a request: a status such as 503, "truncate" (half of what it promised),
    "no ranges" (the whole file, whatever was asked).
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
            if data is None or isinstance(fault, int):
                self.send_error(fault or 404)
                return
            start = 0
            if wanted and fault != "no ranges":
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data) > 0 and start:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.send_header("ETag", f'"{abs(hash(data)):x}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                sent = data[start:]
                self.wfile.write(sent[: len(sent) // 2] if fault == "truncate" else sent)

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
