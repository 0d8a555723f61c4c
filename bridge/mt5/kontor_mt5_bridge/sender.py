"""Posts what waits in the journal, oldest first, until it is acknowledged."""

from __future__ import annotations

import http.client
import json
import logging
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from kontor_mt5_bridge import VERSION
from kontor_mt5_bridge.config import BridgeConfig, CRMConfig
from kontor_mt5_bridge.journal import Entry, Journal
from kontor_mt5_bridge.signing import HEADER, sign_now
from kontor_mt5_bridge.translate import Event

log = logging.getLogger(__name__)

BODY_MAX = 900_000
RETRY_FIRST_S, RETRY_LAST_S, REFUSED_S = 0.1, 2.0, 5.0
FAILURES = (OSError, http.client.HTTPException, ssl.SSLError)


@dataclass(frozen=True, slots=True)
class Answer:
    """How the CRM answered: its status, `ack` or `error` of the body, and its clock where it tells it."""

    status: int
    ack: int | None
    error: str
    date: str = ""


class Connection:
    """One kept-alive connection to the CRM."""

    def __init__(self, config: CRMConfig) -> None:
        self._config = config
        parts = urlsplit(config.url)
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path
        self._tls = ssl.create_default_context(cafile=config.ca_file or None) if parts.scheme == "https" else None
        self._http: http.client.HTTPConnection | None = None

    def post(self, body: bytes) -> Answer:
        """Sign and send a body. Raises one of FAILURES when no answer came."""
        is_reused = self._http is not None
        try:
            return self._post(body)
        except FAILURES:
            self.close()
            if not is_reused:
                raise
        try:
            return self._post(body)  # The server had closed an idle connection.
        except FAILURES:
            self.close()
            raise

    def _post(self, body: bytes) -> Answer:
        if self._http is None:
            self._http = self._connect()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"kontor-mt5-bridge/{VERSION}",
            HEADER: sign_now(self._config.secret, body),
        }
        self._http.request("POST", self._path, body, headers)
        response = self._http.getresponse()
        text = response.read(65_536)
        if response.will_close or not response.isclosed():
            self.close()
        return _answer(response.status, text, response.getheader("Date", ""))

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._config.timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._config.timeout_s, context=self._tls)

    def close(self) -> None:
        """Close the connection; the next post opens another."""
        if self._http is not None:
            self._http.close()
            self._http = None


def _answer(status: int, text: bytes, date: str) -> Answer:
    try:
        document = json.loads(text)
        ack = document.get("ack") if status == 200 else None
        is_number = isinstance(ack, int) and not isinstance(ack, bool)
        return Answer(status, ack if is_number else None, str(document.get("error", "")), date)
    except (ValueError, AttributeError):
        return Answer(status, None, "", date)


def body_of(bridge: str, entries: Sequence[Entry]) -> bytes:
    """A batch as it is sent. The records are JSON already."""
    events = ",".join(
        f'{{"seq":{entry.seq},"type":{json.dumps(entry.kind)},"at":{entry.at_ms},"record":{entry.record}}}'
        for entry in entries
    )
    head = json.dumps({"bridge": bridge, "epoch": entries[0].epoch, "seq": entries[-1].seq, "sent_at": _now_ms()})
    return f'{head[:-1]},"events":[{events}]}}'.encode()


class Sender:
    """The sending thread's work."""

    def __init__(
        self,
        crm: CRMConfig,
        bridge: BridgeConfig,
        journal: Journal,
        is_linked: Callable[[], bool],
        wake: threading.Event,
    ) -> None:
        self._connection = Connection(crm)
        self._bridge = bridge
        self._journal = journal
        self._is_linked = is_linked
        self._wake = wake
        self._limit = bridge.batch_events
        self._careful = 0  # So many events are still sent one by one, because one of them cannot be read.
        self._retry_s = RETRY_FIRST_S
        self._told_at = time.monotonic()
        self.acknowledged_at = 0.0
        self.acknowledged = 0
        self.last_error = ""

    def run(self, stopping: threading.Event, drain_s: float) -> None:
        """Send until stopped, and then for a short while what still waits."""
        ends = float("inf")
        while True:
            if stopping.is_set():
                ends = min(ends, time.monotonic() + drain_s)
            entries = self._next()
            if not entries:
                if stopping.is_set():
                    break
                self._wait()
                continue
            pause = self._send(entries)
            if time.monotonic() > ends:
                break
            if pause:
                stopping.wait(pause) if ends == float("inf") else time.sleep(min(pause, 0.2))
        self._connection.close()

    def _next(self) -> list[Entry]:
        entries = self._journal.oldest(1 if self._careful else self._limit)
        size = 0
        for number, entry in enumerate(entries):
            size += len(entry.record.encode()) + 100
            if size > BODY_MAX and number:
                return entries[:number]
        return entries

    def _wait(self) -> None:
        """Wait for events; when there are none for too long, make one."""
        left = self._told_at + self._bridge.heartbeat_s - time.monotonic()
        if left > 0 and self._wake.wait(left):
            self._wake.clear()
            return
        if left <= 0 and not self._journal.waiting:
            connected = "1" if self._is_linked() else "0"
            self._journal.append([Event("bridge.heartbeat", _now_ms(), {"Connected": connected})])

    def _send(self, entries: Sequence[Entry]) -> float:
        """Send a batch; answers how long to wait before the next."""
        try:
            answer = self._connection.post(body_of(self._bridge.name, entries))
        except FAILURES as error:
            return self._failed(f"{type(error).__name__}: {error}", len(entries))
        if answer.status == 200 and answer.ack is not None:
            stored = self._journal.acknowledge(entries, answer.ack)
            if stored:
                return self._succeeded(stored, entries[:stored])
            return self._failed(f"acknowledged {answer.ack} of {entries[0].seq} to {entries[-1].seq}", len(entries))
        if answer.status == 413 and len(entries) > 1:
            self._limit = max(1, len(entries) // 2)
            return 0.0
        if answer.status in (400, 413) and answer.error:
            return self._unreadable(entries, answer)
        if answer.status in (401, 403, 429):
            self._failed(f"status {answer.status} {answer.error}", len(entries))
            return REFUSED_S
        return self._failed(f"status {answer.status} {answer.error}", len(entries))

    def _succeeded(self, stored: int, entries: Sequence[Entry]) -> float:
        if self.last_error:
            log.info("Delivered again: %s.", self.last_error)
        self.last_error, self._retry_s = "", RETRY_FIRST_S
        self.acknowledged_at, self._told_at = time.time(), time.monotonic()
        self.acknowledged += stored
        self._careful = max(0, self._careful - stored)
        self._limit = min(self._bridge.batch_events, self._limit * 2)
        log.debug("Stored %s to %s.", entries[0].seq, entries[-1].seq)
        return 0.0

    def _unreadable(self, entries: Sequence[Entry], answer: Answer) -> float:
        """The CRM cannot read one of these events. Alone, it is put aside; the hole makes the CRM read on its own."""
        if len(entries) > 1:
            self._careful = len(entries)
            return 0.0
        log.error("Put aside event %s (%s): %s.", entries[0].seq, entries[0].kind, answer.error)
        self._journal.put_aside(entries[0])
        self._careful = max(0, self._careful - 1)
        return 0.0

    def _failed(self, error: str, events: int) -> float:
        if error != self.last_error:
            log.warning("Not delivered, %s events wait: %s.", self._journal.waiting, error)
        self.last_error = error
        pause, self._retry_s = self._retry_s, min(self._retry_s * 2, RETRY_LAST_S)
        return pause


def _now_ms() -> int:
    return int(time.time() * 1000)
