"""A web server in this process that serves a folder of releases, with ranges and interrupted responses."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ReleaseServer(ThreadingHTTPServer):
    """`cuts` truncates the first responses with weights; `requests` collects (path, Range header)."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.cuts, self.requests, self.status = folder, [], [], None
        self.page = f"http://127.0.0.1:{self.server_port}/releases"

    def handle_error(self, request, client_address):
        pass  # the client has closed the connection


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, requested = self.server, self.headers.get("Range")
        server.requests.append((self.path, requested))
        path = server.folder / self.path.removeprefix("/releases/")
        if server.status or not path.is_file():
            return self.send_error(server.status or 404)
        content = path.read_bytes()
        start = int(requested.split("=")[1].rstrip("-")) if requested else 0
        self.send_response(206 if requested else 200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content) - start))
        if requested:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        body = content[start:]
        if path.suffix == ".safetensors" and server.cuts:
            body = body[: server.cuts.pop(0)]
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serve(folder):
    """A running server for the releases in `folder`."""
    with ReleaseServer(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
