"""The running bridge: its threads, how they start and how they end."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kontor_mt5_bridge import VERSION, status
from kontor_mt5_bridge.config import Config, ConfigError
from kontor_mt5_bridge.journal import Journal
from kontor_mt5_bridge.link import Link, load_package
from kontor_mt5_bridge.queue import EventQueue
from kontor_mt5_bridge.sender import Sender
from kontor_mt5_bridge.translate import Event, Translator

log = logging.getLogger(__name__)

DRAIN_S = 3.0
STATUS_S = 1.0


class AlreadyRunning(ConfigError):
    """Another bridge uses the data directory."""


def status_file(data_dir: Path) -> Path:
    return data_dir / "status.json"


def stop_file(data_dir: Path) -> Path:
    """The program ends when this file appears: Windows gives a task no other way to be asked."""
    return data_dir / "stop"


@contextlib.contextmanager
def sole_use(data_dir: Path) -> Iterator[None]:
    """Hold the data directory. Raises AlreadyRunning. The lock goes with the process, however that ends."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("a+b") as file:
        try:
            _lock(file)
        except OSError:
            raise AlreadyRunning(f"Another bridge is running with {data_dir}.") from None
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: Any) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: Any) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def start_log(config: Config) -> None:
    """Log to files that replace each other, and to the standard error."""
    folder = config.bridge.data_dir / "log"
    folder.mkdir(parents=True, exist_ok=True)
    form = logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(message)s")
    to_file = logging.handlers.RotatingFileHandler(
        folder / "bridge.log",
        maxBytes=config.log.megabytes * 1024 * 1024,
        backupCount=config.log.files,
        encoding="utf-8",
    )
    for handler in (to_file, logging.StreamHandler()):
        handler.setFormatter(form)
        logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(config.log.level)


class Program:
    """One bridge. `run` returns when it is asked to stop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._stopping = threading.Event()  # No more events from the trade server.
        self._collected = threading.Event()  # Everything that came is in the journal.
        self._is_connected = threading.Event()
        self._wake = threading.Event()
        self._queue = EventQueue(config.bridge.queue_events_max)
        self._journal = Journal(config.bridge.data_dir / "journal.sqlite", config.bridge.journal_events_max)
        self._link = Link(
            load_package(config.bridge.data_dir),
            config.mt5,
            config.bridge.data_dir,
            self._queue,
            config.bridge.reconnect_s,
        )
        self._translator = Translator(self._link.money_digits_of, self._link.positions)
        self._sender = Sender(config.crm, config.bridge, self._journal, self._is_connected.is_set, self._wake)
        self._started_at = time.time()

    def stop(self, *_: object) -> None:
        """Ask the program to end. May be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Run until stopped; what has happened is in the journal when this returns, and sent if the CRM is there."""
        log.info(
            "Bridge %s %s begins epoch %s; %s events wait.",
            self._config.bridge.name,
            VERSION,
            self._journal.epoch,
            self._journal.waiting,
        )
        collector = threading.Thread(target=self._guarded, args=(self._collect,), name="collector")
        sender = threading.Thread(target=self._guarded, args=(self._send,), name="sender")
        watch = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._link.open()
        for thread in (collector, sender, watch):
            thread.start()
        try:
            self._link.run(self._stopping, self._is_connected)
        finally:
            self._stopping.set()
            self._link.close()
            collector.join()
            self._collected.set()
            self._wake.set()
            sender.join()
            self._tell(is_running=False)
            self._journal.close()
            log.info("Stopped; %s events wait.", self._journal.waiting)

    def _guarded(self, work: Any) -> None:
        """A thread that fails for a reason nobody foresaw ends the program: whoever started it starts it again."""
        try:
            work()
        except BaseException:
            log.exception("The program ends.")
            logging.shutdown()
            os._exit(70)

    def _collect(self) -> None:
        bridge = self._config.bridge
        while True:
            is_last = self._stopping.is_set()
            items = self._queue.take(bridge.batch_events, bridge.batch_wait_s, 0 if is_last else 0.5)
            if items:
                self._write_down(self._translator.translate(items))
            if self._translator.is_connected:
                self._is_connected.set()
            else:
                self._is_connected.clear()
            if is_last and not items:
                break
        if self._translator.is_connected:  # The package tells of no disconnection that we caused.
            self._write_down([Event("bridge.disconnect", int(time.time() * 1000), {})])

    def _write_down(self, events: list[Event]) -> None:
        """Put events into the journal, again and again while the disk is full: the queue holds what comes meanwhile."""
        while events:
            try:
                self._journal.append(events)
                break
            except sqlite3.Error as error:
                log.error("The journal cannot be written: %s.", error)
                time.sleep(1)
        self._wake.set()

    def _send(self) -> None:
        self._sender.run(self._collected, DRAIN_S)

    def _watch(self) -> None:
        wanted = stop_file(self._config.bridge.data_dir)
        while True:
            self._tell(is_running=True)
            if wanted.exists():
                with contextlib.suppress(OSError):
                    wanted.unlink()
                log.info("Asked to stop.")
                self._stopping.set()
            if self._stopping.wait(STATUS_S):
                return

    def _tell(self, *, is_running: bool) -> None:
        facts = {
            "is_running": is_running,
            "name": self._config.bridge.name,
            "version": VERSION,
            "process": os.getpid(),
            "started_at": self._started_at,
            "written_at": time.time(),
            "is_connected": self._is_connected.is_set(),
            "is_synced": self._translator.is_synced,
            "link_error": self._link.last_error,
            "events_in_memory": len(self._queue),
            "events_in_journal": self._journal.waiting,
            "events_lost": self._queue.lost_total,
            "events_put_aside": self._journal.refused(),
            "events_acknowledged": self._sender.acknowledged,
            "acknowledged_at": self._sender.acknowledged_at,
            "send_error": self._sender.last_error,
            "epoch": self._journal.epoch,
            "seq": self._journal.seq,
        }
        status.write(status_file(self._config.bridge.data_dir), facts)


def run(config: Config) -> None:
    """Run the bridge until a signal or the stop file ends it."""
    with sole_use(config.bridge.data_dir):
        start_log(config)
        with contextlib.suppress(OSError):
            stop_file(config.bridge.data_dir).unlink()
        program = Program(config)
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), program.stop)
        program.run()


def ask_to_stop(config: Config, wait_s: float = 90.0) -> bool:
    """Ask the running bridge to stop and wait for it. Answers whether it has."""
    data_dir = config.bridge.data_dir
    ends = time.monotonic() + wait_s
    with contextlib.suppress(AlreadyRunning), sole_use(data_dir):
        return True
    stop_file(data_dir).touch()
    while time.monotonic() < ends:
        with contextlib.suppress(AlreadyRunning), sole_use(data_dir):
            return True
        time.sleep(0.2)
    return False
