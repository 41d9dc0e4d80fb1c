"""An API whose every page is known: page p holds PER_PAGE records with ids p-0, p-1, ... Serves pages up to `last`."""
import http.server
import json
import threading
import urllib.parse

PER_PAGE = 50
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def record(page, index):
    n = page * PER_PAGE + index
    return {"id": f"{page}-{index}", "n": n, "kind": "abc"[n % 3], "name": {"first": f"First {n}", "last": "O'Neil"},
            "at": f"2026-01-01T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}.000Z"}


class PagedApi:
    def __init__(self, last):
        self.last = last
        self.requests = 0
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.requests += 1
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                page = int(query.get("page", ["0"])[0])
                rows = [record(page, i) for i in range(PER_PAGE)] if page < api.last else []
                body = json.dumps({"items": rows}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client that was killed is no fault of the server's."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
