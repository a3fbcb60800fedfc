"""The receivers that are measured: how each is started, and what the kernel says about its process."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Like real ones: a secret whose beginning stands everywhere in the body would cost the search for it.
SECRET = "5f0c7b8e2d914a63b1f7c90e84d2a635"
TOKEN = "q7ZkT2vXw9LmR4sYh8Jc"
# How long a receiver may take to be there, and to work off what it has taken.
PATIENCE = 60
TICKS = os.sysconf("SC_CLK_TCK")

CONFIG = """\
listen: 127.0.0.1:{port}
database_url: sqlite://bot.db
repositories: ["bench/*"]
log: {{level: error}}
github:
  api_url: http://127.0.0.1:{forge}
  token: {{env: BENCH_TOKEN}}
  webhook_secrets: [{{env: BENCH_SECRET}}]
  write_interval: 0s
"""


class EmptyForge(ThreadingHTTPServer):
    """A forge that knows nothing, so that work after the answer ends at its first question."""

    daemon_threads = True

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(404)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Receiver:
    """One process that takes deliveries."""

    def __init__(self, name, command, path, folder, environment=(), forge=None):
        self.name, self.path = name, path
        self.folder = folder / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        if forge:
            text = CONFIG.format(port=self.port, forge=forge.server_port)
            (self.folder / "bench.yml").write_text(text)
        self.command = [part.format(config=self.folder / "bench.yml") for part in command]
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "BENCH_SECRET": SECRET,
                            "BENCH_TOKEN": TOKEN, "BENCH_PORT": str(self.port), **dict(environment)}
        self.process = None

    def start(self, body, headers):
        """Starts it; milliseconds until it answered its first delivery with success."""
        log = open(self.folder / "log", "ab")
        began = time.perf_counter()
        self.process = subprocess.Popen(self.command, cwd=self.folder, env=self.environment,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        while time.perf_counter() - began < PATIENCE:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended at once; see {self.folder / 'log'}")
            try:
                status, _ = self.ask("POST", self.path, body, headers)
            except OSError:
                time.sleep(0.0005)
                continue
            if 200 <= status < 300:
                return (time.perf_counter() - began) * 1e3
            raise SystemExit(f"{self.name} answered its first delivery with {status}")
        raise SystemExit(f"{self.name} is not there after {PATIENCE} s")

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(25)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def cpu(self):
        """Seconds of processor time over all threads, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self):
        """Resident memory now and at its highest, MiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines if line.startswith("Vm"))
        return tuple(int(values[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))

    def metrics(self):
        """Sums of our own metrics by name, and deliveries by outcome as `deliveries.OUTCOME`."""
        sums = {}
        for line in self.ask("GET", "/metrics")[1].decode().splitlines():
            if line.startswith("#") or not line.strip():
                continue
            series, value = line.rsplit(" ", 1)
            name = series.split("{")[0]
            if name == "mergewright_deliveries_total":
                name = "deliveries." + series.split('outcome="')[1].split('"')[0]
            sums[name] = sums.get(name, 0.0) + float(value)
        return sums

    def worked_off(self):
        """Waits until nothing is queued any more."""
        began = time.monotonic()
        while self.metrics().get("mergewright_queue_depth", 0) > 0:
            if time.monotonic() - began > PATIENCE:
                raise SystemExit(f"{self.name} did not work off its queue in {PATIENCE} s")
            time.sleep(0.05)


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def build(profile):
    """Builds the program and the receiver alone; the paths of both."""
    command = ["cargo", "build", "--locked", "--profile", profile, "--bin", "mergewright",
               "--bench", "receiver_server", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
    found = {}
    for message in map(json.loads, built.splitlines()):
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            found[message["target"]["name"]] = message["executable"]
    return found["mergewright"], found["receiver_server"]


def probot(folder):
    """Installs Probot; the command that starts it."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise SystemExit("Probot needs node (20.18 or later) and npm; without them: benches/receiver/run --smoke")
    place = folder / "probot-app"
    place.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "package-lock.json", "app.js"):
        shutil.copy(HERE / "probot" / file, place / file)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=place, check=True)
    return ["node", str(place / "app.js")]
