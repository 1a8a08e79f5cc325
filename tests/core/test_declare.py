from typing import ClassVar

import pytest

from gpgmail.core.checks import between, one_line, one_of, port
from gpgmail.core.codes import ErrorCode
from gpgmail.core.config import configure
from gpgmail.core.declare import Declared, Deferred, inert, is_set, like, prop, rows, setting
from gpgmail.core.errors import StateError, UnsupportedError, UsageError
from gpgmail.core.situations import Situation


class Base(Declared):
    mail_port: int = prop(default=25, check=port, locked=Situation.PORT_LOCKED, doc="Port.")
    password: str = prop(default="", secret=True, doc="Password.")


class Options(Base):
    clear: bool = setting(default=True, key="ClearSignature", doc="Clear.")
    level: int = setting(default=4, key="Level", check=between(1, 9), doc="Level.")
    mode: str = setting(default="a", key="Mode", check=one_of(("INLINE", "PGPMIME")), doc="Mode.")
    note: str | None = prop(default=None, key="Note", check=one_line("Note"), doc="Note.")
    data: bytes = setting(default=b"", key="Data", doc="Data.")


def test_defaults_and_keyword_arguments():
    options = Options(mail_port=2525)
    assert (options.mail_port, options.clear, options.note) == (2525, True, None)
    assert is_set(options, "mail_port")
    assert not is_set(options, "clear")


def test_rows_come_bases_first_and_once():
    assert [row.name for row in rows(Options)] == [
        "mail_port",
        "password",
        "clear",
        "level",
        "mode",
        "note",
        "data",
    ]


def test_two_objects_do_not_share_values():
    one, two = Options(), Options()
    one.mail_port = 26
    assert two.mail_port == 25


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mail_port", "25", "takes int, not str"),
        ("mail_port", True, "takes int, not bool"),
        ("mail_port", 65536, "from 0 to 65535"),
        ("clear", 1, "takes bool, not int"),
        ("level", 0, "from 1 to 9"),
        ("mode", "other", "one of INLINE, PGPMIME"),
        ("note", b"x", "takes str or NoneType, not bytes"),
    ],
)
def test_a_wrong_value_is_refused_at_assignment(name, value, words):
    options = Options()
    with pytest.raises(UsageError, match=words) as caught:
        setattr(options, name, value)
    assert caught.value.code is ErrorCode.BAD_VALUE
    assert not is_set(options, name)


@pytest.mark.parametrize(("char", "name"), [("\r", "CR"), ("\n", "LF"), ("\0", "NUL")])
def test_a_control_character_is_refused_by_name(char, name):
    with pytest.raises(UsageError, match=f"Note: holds {name}") as caught:
        Options(note=f"a{char}b")
    assert caught.value.code is ErrorCode.INJECTION


def test_an_unknown_keyword_is_refused():
    with pytest.raises(UsageError, match=r"no such member.*mail_port is the nearest"):
        Options(mail_prot=1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ClearSignature=False", False),
        ("clearsignature=no", False),
        ("CLEARSIGNATURE=0", False),
        ("ClearSignature=Yes", True),
        ("ClearSignature=1", True),
        ("ClearSignature=true", True),
    ],
)
def test_config_reads_booleans_in_every_spelling(text, value):
    options = Options()
    assert configure(options, text) == str(value)
    assert options.clear is value


def test_config_sets_and_reads():
    options = Options()
    assert configure(options, "Level") == "4"
    assert configure(options, "Level=9") == "9"
    assert options.level == 9
    configure(options, "Note=a=b")
    assert options.note == "a=b"
    assert configure(options, "mode=pgpmime") == "PGPMIME"
    configure(options, "Data=ä")
    assert options.data == "ä".encode()


@pytest.mark.parametrize(
    "text", ["Nope=1", "Nope", "", "Level=x", "Level=99", "ClearSignature=maybe"]
)
def test_config_refuses_what_it_does_not_know(text):
    with pytest.raises(UsageError):
        configure(Options(), text)


def test_a_secret_row_does_not_print():
    options = Options(password="correct horse")
    assert "correct horse" not in repr(options)
    assert "password=********" in repr(options)


def test_a_component_can_lock_rows():
    class Locked(Options):
        def _before_set(self, row):
            if row.locked is not None:
                raise row.locked.error("connected", subject=row.name)

    locked = Locked()
    locked.clear = False
    with pytest.raises(StateError) as caught:
        locked.mail_port = 26
    assert caught.value.code is ErrorCode.TCP_REMOTE_PORT_LOCKED
    assert locked.mail_port == 25


def test_what_an_object_needs_is_there_before_its_rows_are_set():
    class Noting(Options):
        def _set_up(self):
            super()._set_up()
            self._noted = []

        def _after_set(self, row):
            self._noted.append(row.name)

    assert Noting(mail_port=26, clear=False)._noted == ["mail_port", "clear"]


def test_a_value_that_is_refused_is_not_noted():
    class Noting(Options):
        def _set_up(self):
            self._noted = []

        def _after_set(self, row):
            self._noted.append(row.name)

    options = Noting()
    with pytest.raises(UsageError):
        options.level = 99
    assert options._noted == []


def test_a_deferred_value_is_fetched_whenever_it_is_read():
    fetched = []
    options = Options()
    options._replace("note", Deferred(lambda: fetched.append(1) or "large"))
    assert fetched == []
    assert (options.note, options.note) == ("large", "large")
    assert fetched == [1, 1]
    options.note = "small"
    assert options.note == "small"
    assert fetched == [1, 1]


def test_a_subclass_can_state_a_row_anew():
    class Other(Options):
        level: int = setting(default=7, key="Level", doc="Another default.")

    assert Other().level == 7
    assert Options().level == 4
    assert [row.name for row in rows(Other)] == [row.name for row in rows(Options)]


def test_a_secret_that_cannot_be_read_is_not_shown():
    class Pin(Declared):
        pin: int = setting(default=0, key="Pin", secret=True, doc="Number.")

    with pytest.raises(UsageError) as caught:
        configure(Pin(), "Pin=not-a-number")
    assert "not-a-number" not in str(caught.value)


def test_the_row_itself_is_seen_on_the_class():
    assert Options.level.key == "Level"
    assert Options.mail_port.type is int


class Further(Declared):
    _read_only_settings: ClassVar = {"Build": "build"}

    alive: bool = setting(default=False, key="Alive", also="KeepAlive", doc="Alive.")
    pause: int = setting(
        default=0, key="Pause", implies=lambda value: {"alive": bool(value)}, doc="Pause."
    )
    hurry: bool = setting(
        default=False,
        key="Hurry",
        implies=lambda value: {"level": lambda level: level + 1 if value else 0},
        doc="Hurry.",
    )
    level: int = setting(default=3, key="Level", doc="Level.")
    window: bool = inert(default=False, key="Window", why="there are no windows")
    store: int = inert(default=2, why="there is one store")

    @property
    def build(self):
        return f"paused {self.pause}"

    def _current(self, row, value):
        return value * 1000 if row.name == "pause" else value


@pytest.mark.parametrize("name", ["Alive", "keepalive", "ALIVE"])
def test_a_setting_has_one_value_under_both_its_names(name):
    further = Further()
    assert configure(further, f"{name}=True") == "True"
    assert further.alive is True
    assert configure(further, "Alive") == configure(further, "KeepAlive") == "True"


def test_a_value_can_set_other_rows():
    further = Further(pause=1)
    assert (further.alive, is_set(further, "alive")) == (True, True)
    further.pause = 0
    assert further.alive is False


def test_what_it_sets_can_depend_on_what_was_there():
    further = Further(hurry=True)
    assert (further.level, is_set(further, "level")) == (4, True)
    further.level = 7
    further.hurry = True
    assert further.level == 8
    further.hurry = False
    assert further.level == 0


def test_what_is_read_can_be_what_holds_now():
    assert configure(Further(pause=2), "Pause") == "2000"


def test_a_read_only_setting_is_read_and_not_set():
    further = Further(pause=3)
    assert configure(further, "build") == "paused 3000"
    with pytest.raises(UsageError, match="Build: can only be read"):
        configure(further, "Build=x")


def test_what_means_nothing_here_reads_its_default_and_takes_nothing_else():
    further = Further()
    assert configure(further, "Window=False") == "False"
    further.store = 2
    with pytest.raises(UnsupportedError, match="Window: there are no windows") as caught:
        configure(further, "Window=True")
    assert caught.value.code is ErrorCode.UNSUPPORTED_HERE
    with pytest.raises(UnsupportedError, match="store: there is one store"):
        further.store = 1
    with pytest.raises(UsageError, match="takes int, not str"):
        further.store = "1"
    assert (further.window, further.store) == (False, 2)


def test_a_misspelt_name_is_refused_with_the_nearest():
    further = Further()
    with pytest.raises(UsageError, match=r"Further has no such member .alive is the nearest."):
        further.alvie = True
    assert not hasattr(further, "alvie")
    further._own = 1
    assert further._own == 1


class Written(Declared):
    text: str = prop(default="", private=True, doc="Text.")


def test_what_people_write_shows_its_length_alone():
    assert repr(Written(text="not for the log")) == "Written(text=<str of 15>)"


class Flat(Declared):
    wall_kind: int = prop(
        default=0,
        key="WallKind",
        check=between(0, 9),
        implies=lambda value: {"wall_port": value * 100},
        doc="Kind.",
    )
    wall_port: int = prop(default=0, key="WallPort", check=port, secret=True, doc="Port.")


class Nested(Declared):
    kind: int = like(Flat, "wall_kind", prefix="wall_")
    port: int = like(Flat, "wall_port", prefix="wall_")


def test_a_row_like_another_has_all_of_it_but_its_name_and_key():
    nested = Nested(kind=3)
    assert (nested.kind, nested.port) == (3, 300)
    with pytest.raises(UsageError, match="kind: must be from 0 to 9"):
        nested.kind = 10
    assert [(row.name, row.key, row.doc, row.secret) for row in rows(Nested)] == [
        ("kind", "", "Kind.", False),
        ("port", "", "Port.", True),
    ]
    assert [row.name for row in rows(Flat)] == ["wall_kind", "wall_port"]
    flat = Flat(wall_kind=2)
    assert flat.wall_port == 200
