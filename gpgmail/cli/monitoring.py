"""What monitoring reads of `gpgmail keys check`: a Nagios plugin's line, Prometheus text, JSON.

Sources: the Monitoring Plugins Development Guidelines (output, performance data), the Prometheus
text format 0.0.4 and its naming of metrics, and the textfile collector of node_exporter.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from gpgmail.cli.report import one_line
from gpgmail.core.errors import KeySelectionError
from gpgmail.keys.watch import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from gpgmail.core.errors import GpgmailError
    from gpgmail.keys.watch import Limits, Watched

_SERVICE = "GPGMAIL KEYS"
_FIRST = 3  # keys that the line names; all are in its performance data
_NO_END = "+Inf"
_LABEL = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


def worst(keys: Sequence[Watched], limits: Limits, now: datetime) -> Level:
    """Return the exit code; nothing to look at is no good news."""
    return max((limits.level(key, now) for key in keys), default=Level.UNKNOWN)


def status_line(keys: Sequence[Watched], limits: Limits, now: datetime) -> str:
    """Return the line of a Nagios plugin, with performance data behind the bar."""
    level = worst(keys, limits, now)
    ordered = sorted(keys, key=lambda key: _urgency(key, limits, now))
    bad = [key for key in ordered if limits.level(key, now) is not Level.OK]
    told = [_told(key, now) for key in bad[:_FIRST]]
    told += [f"{len(bad) - _FIRST} more are not well"] if len(bad) > _FIRST else []
    told += _rest(ordered, bad, now)
    said = _line_of(level, "; ".join(told))
    data = " ".join(_performance(keys, limits, now))
    return f"{said} | {data}" if data else said


def unknown_line(why: str) -> str:
    """Return the line where nothing could be found out."""
    return _line_of(Level.UNKNOWN, why)


def remedies(keys: Sequence[Watched], limits: Limits, now: datetime) -> Iterator[str]:
    """Give a line for each key that is not well, with what to do: the long output of a plugin."""
    for key in sorted(keys, key=lambda key: _urgency(key, limits, now)):
        level = limits.level(key, now)
        if level is not Level.OK:
            yield _plain(f"{level.name}: {_told(key, now)} ({key.origin})")
            if key.error is not None and key.error.hint:
                yield f"  {_plain(key.error.hint)}"


def as_json(keys: Sequence[Watched], limits: Limits, now: datetime) -> dict[str, Any]:
    """Return everything as values for JSON."""
    return {
        "status": worst(keys, limits, now).name,
        "warn_days": limits.warn_days,
        "critical_days": limits.critical_days,
        "keys": [_json_of(key, limits, now) for key in keys],
    }


def prometheus(keys: Sequence[Watched], limits: Limits, now: datetime) -> str:
    """Return the metrics; the end of a key that does not end is +Inf."""
    lines: list[str] = []
    for name, (about, value) in _METRICS.items():
        samples = {_labels(key): value(key, limits, now) for key in keys}
        lines += (f"# HELP {name} {about}", f"# TYPE {name} gauge")
        lines += (f"{name}{labels} {number}" for labels, number in samples.items() if number)
    lines += (
        f"# HELP {_CHECKED} When the keys were checked last, in seconds since 1970.",
        f"# TYPE {_CHECKED} gauge",
        f"{_CHECKED} {now.timestamp():.0f}",
    )
    return "\n".join([*lines, ""])


# ---- within ----


def _urgency(key: Watched, limits: Limits, now: datetime) -> tuple[int, float, str]:
    left = key.days_left(now)
    return -limits.level(key, now), float("inf") if left is None else left, key.name


def _told(key: Watched, now: datetime) -> str:
    who = f"{key.name} ({key.purpose})"
    left, until = key.days_left(now), key.until
    if key.error is not None:
        return f"{who}: {_why(key.error)}"
    if left is None or until is None:
        return f"{who} does not end"
    return f"{who} ends in {left:.0f} days ({until:%Y-%m-%d})"


def _why(error: GpgmailError) -> str:
    """Return the reason of the one key that there is, or what kind of error it is."""
    candidates = error.candidates if isinstance(error, KeySelectionError) else ()
    return candidates[0].reason if len(candidates) == 1 else error.code.text


def _rest(ordered: Sequence[Watched], bad: Sequence[Watched], now: datetime) -> list[str]:
    """Say how many keys are well, and which of them is the next to end."""
    well = [key for key in ordered if key not in bad]
    if not well:
        return [] if bad else ["no key to check"]
    counted = f"{len(well)} {'key is' if len(well) == 1 else 'keys are'} well"
    following = "" if bad else f", {_told(well[0], now)}"
    return [f"{counted}{following}"]


def _line_of(level: Level, text: str) -> str:
    return f"{_SERVICE} {level.name} - {_plain(text)}"


def _plain(text: str) -> str:
    """Return words on one line and without the bar, behind which performance data begins."""
    return one_line(text).replace("|", "/")


def _performance(keys: Sequence[Watched], limits: Limits, now: datetime) -> Iterator[str]:
    """Give the days that are left; `n:` is a range that is left below n."""
    names = Counter((key.name, key.purpose) for key in keys)
    for key in keys:
        left = key.days_left(now)
        label = f"{key.name} {key.purpose}"
        if key.selection is not None and names[key.name, key.purpose] > 1:
            label = f"{label} {key.selection.key.key_id}"
        if left is not None or key.selection is None:
            shown = "U" if left is None else f"{left:.1f}"
            yield f"{_quoted(label)}={shown};{limits.warn_days:g}:;{limits.critical_days:g}:"


def _quoted(label: str) -> str:
    return "'" + _plain(label).replace("=", "-").replace("'", "''") + "'"


def _json_of(key: Watched, limits: Limits, now: datetime) -> dict[str, Any]:
    chosen, left, until = key.selection, key.days_left(now), key.until
    return {
        "name": key.name,
        "purpose": str(key.purpose),
        "origin": key.origin,
        "needed": key.needed,
        "level": limits.level(key, now).name,
        "fingerprint": chosen.fingerprint if chosen else None,
        "user_id": chosen.user_id if chosen else None,
        "expires": until.isoformat() if until else None,
        "days_left": None if left is None else round(left, 1),
        "problem": str(key.error) if key.error else None,
        "hint": key.error.hint if key.error else None,
    }


def _labels(key: Watched) -> str:
    chosen = key.selection
    values = {
        "name": key.name,
        "purpose": str(key.purpose),
        "fingerprint": chosen.fingerprint if chosen else "",
    }
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in values.items()) + "}"


def _escaped(text: str) -> str:
    printable = "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)
    return "".join(_LABEL.get(char, char) for char in printable)


def _end(key: Watched, limits: Limits, now: datetime) -> str:
    del limits, now
    until = key.until
    if key.selection is None:
        return ""
    return _NO_END if until is None else f"{until.timestamp():.0f}"


def _usable(key: Watched, limits: Limits, now: datetime) -> str:
    del limits, now
    return "0" if key.selection is None else "1"


def _level(key: Watched, limits: Limits, now: datetime) -> str:
    return str(int(limits.level(key, now)))


_CHECKED = "gpgmail_keys_checked_timestamp_seconds"
_METRICS: dict[str, tuple[str, Callable[[Watched, Limits, datetime], str]]] = {
    "gpgmail_key_expiry_timestamp_seconds": (
        "When a key stops serving its purpose, in seconds since 1970.",
        _end,
    ),
    "gpgmail_key_usable": ("Whether there is a key to use, 1 or 0.", _usable),
    "gpgmail_key_status": ("0 well, 1 warning, 2 critical, by the limits of the check.", _level),
}
