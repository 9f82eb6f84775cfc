"""A web server in this process, to test downloads."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `content`; `cuts` truncates the first responses; `requests` collects the Range headers."""

    def __init__(self, content, name):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.etag, self.modified = content, '"one"', "Mon, 01 Jan 2024 00:00:00 GMT"
        self.ranges, self.minds_if_range, self.length, self.status, self.type = True, True, True, 200, "text/plain"
        self.cuts, self.requests = [], []
        self.redirect = self.encoding = self.range = self.announced = None
        self.unasked, self.pause, self.header_pause, self.block = False, 0.0, 0.0, 1 << 20
        self.url = f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request, client_address):
        pass  # the client has closed the connection


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, requested = self.server, self.headers.get("Range")
        server.requests.append(requested)
        if server.status != 200:
            return self.send_error(server.status)
        if server.redirect is not None:
            self.send_response(302)
            self.send_header("Location", server.redirect)
            return self.end_headers()
        same = not server.minds_if_range or self.headers.get("If-Range") in (server.etag, server.modified)
        start = int(requested.split("=")[1].rstrip("-")) if requested and server.ranges and same else None
        body, total = server.content[start or 0 :], len(server.content)
        if start is not None and start >= total:
            return self.send_error(416)
        self.send_response(206 if server.unasked or start is not None else 200)
        if server.header_pause:
            self.flush_headers()
            self.drip(b"X-Slow: " + b"x" * 1000 + b"\r\n", 1, server.header_pause)
        if start is not None or server.unasked:
            self.send_header("Content-Range", server.range or f"bytes {start or 0}-{total - 1}/{total}")
        headers = {"Content-Type": server.type, "ETag": server.etag, "Last-Modified": server.modified}
        headers |= {"Content-Length": str(server.announced or len(body))} if server.length else {}
        headers |= {"Content-Encoding": server.encoding}
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.drip(body[: server.cuts.pop(0)] if server.cuts else body, server.block, server.pause)

    def drip(self, body, block, pause):
        with contextlib.suppress(ConnectionError):  # the client has closed the connection
            for start in range(0, len(body), block):
                self.wfile.write(body[start : start + block])
                time.sleep(pause)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serve(content, name):
    """A running `Server`."""
    with Server(content, name) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
