"""A desktop's Secret Service: gnome-keyring on a session bus of its own, unlocked at its start."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.servers.unpacked import ServerUnavailableError, environment, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS = 10
_NAME = "org.freedesktop.secrets"


@contextmanager
def secret_service(directory: Path) -> Iterator[dict[str, str]]:
    """Run it with its data in *directory*; give the variables that lead a program to it.

    Raises: ServerUnavailableError where the packages were not fetched.
    """
    bus, daemon = program("usr/bin/dbus-daemon"), program("usr/bin/gnome-keyring-daemon")
    address = f"unix:path={directory}/bus"
    leads = {"DBUS_SESSION_BUS_ADDRESS": address}
    own = environment(
        HOME=str(directory),
        XDG_DATA_HOME=str(directory / "data"),
        XDG_RUNTIME_DIR=str(directory),
        **leads,
    )
    configuration = directory / "bus.conf"
    configuration.write_text(_BUS.format(address=address))
    with _running([bus, f"--config-file={configuration}", "--nofork"], own, b""):
        _wait_for(directory / "bus")
        service = [daemon, "--components=secrets", "--unlock", "--foreground"]
        with _running(service, own, b"login"):
            _wait_for_service(leads)
            yield leads


_BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@contextmanager
def _running(command: list[object], own: dict[str, str], given: bytes) -> Iterator[None]:
    child = subprocess.Popen(
        list(map(str, command)),
        env=own,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        child.stdin.write(given)
        child.stdin.close()
        yield
    finally:
        child.terminate()
        try:
            child.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait_for(path: Path) -> None:
    until = time.monotonic() + _SECONDS
    while not path.exists():
        if time.monotonic() > until:
            raise ServerUnavailableError(f"{path} does not appear")
        time.sleep(0.02)


def _wait_for_service(leads: dict[str, str]) -> None:
    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    until = time.monotonic() + _SECONDS
    asked = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    while time.monotonic() < until:
        with open_dbus_connection(leads["DBUS_SESSION_BUS_ADDRESS"]) as connection:
            reply = connection.send_and_get_reply(
                new_method_call(asked, "NameHasOwner", "s", (_NAME,))
            )
        if reply.body[0]:
            return
        time.sleep(0.05)
    raise ServerUnavailableError(f"{_NAME} does not appear; user {os.getuid()}")
