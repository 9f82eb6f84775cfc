"""A web server in this process, to test downloads."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `content`; `cuts` truncates the first responses; `requests` collects the Range headers."""

    def __init__(self, content, name):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.etag, self.modified = content, '"one"', "Mon, 01 Jan 2024 00:00:00 GMT"
        self.ranges, self.minds_if_range, self.length, self.status, self.type = True, True, True, 200, "text/plain"
        self.cuts, self.requests = [], []
        self.url = f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, requested = self.server, self.headers.get("Range")
        server.requests.append(requested)
        if server.status != 200:
            return self.send_error(server.status)
        same = not server.minds_if_range or self.headers.get("If-Range") in (server.etag, server.modified)
        start = int(requested.split("=")[1].rstrip("-")) if requested and server.ranges and same else None
        body, total = server.content[start or 0 :], len(server.content)
        if start is not None and start >= total:
            return self.send_error(416)
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        headers = {"Content-Type": server.type, "ETag": server.etag, "Last-Modified": server.modified}
        headers |= {"Content-Length": str(len(body))} if server.length else {}
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

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
