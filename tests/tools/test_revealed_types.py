"""What the type checkers say of the public face, word for word.

The files of tests/typing say what is accepted; this one says what is inferred, so that a type that
degrades to Any, or a constructor that loses its rows, is seen. Runs where mypy and pyright are.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gpgmail
from gpgmail.components import PSMTP, SMTP
from gpgmail.core.declare import rows

PACKAGE = Path(gpgmail.__file__).parents[1]
HEAD = """
from gpgmail import PSMTP, SMTP, Keyring, Mailer, Secret
from gpgmail.components import Key
mailer = PSMTP(mail_port=25)
"""

# What both say; for callables mypy's words and pyright's differ.
SAME = {
    "mailer": "PSMTP",
    "mailer.mail_port": "int",
    "mailer.ssl_enabled": "bool",
    "mailer.keys": "Collection[Key]",
    "mailer.attachments[0]": "Attachment",
    "PSMTP.keys": "Items[Key]",
    "mailer.keys[0].user_id": "str",
    "mailer.connected": "bool",
    "mailer.get_key_encoded(0)": "bytes | str",
    "Keyring.open('x').keys()": "tuple[Key, ...]",
    "Secret('x').reveal()": "str",
}
DIFFERENT = {
    "mailer.config": (
        "def (configuration_string: str) -> str",
        "(configuration_string: str) -> str",
    ),
    "mailer.get_from": ("def () -> str", "() -> str"),
    "mailer.set_key_keyring": (
        "def (key_index: int, value: str)",
        "(key_index: int, value: str) -> None",
    ),
    "mailer.on_key_passphrase": (
        "(def (KeyPassphrase) -> object) | None",
        "((KeyPassphrase) -> object) | None",
    ),
    "Keyring.open": (
        "def (where: str | PathLike[str] | bytes | None =) -> Keyring",
        "(where: str | PathLike[str] | bytes | None = None) -> Keyring",
    ),
    "Key.__init__": (
        (
            "def (self: Key, keyring: str | Path =, user_id: str =, *, fingerprint: str =, "
            "id: str =, encoded: bytes | str =, passphrase: str =)"
        ),
        (
            '(self: Key, keyring: str | Path = "", user_id: str = "", *, fingerprint: str = "", '
            'id: str = "", encoded: bytes | str = b"", passphrase: str = "") -> None'
        ),
    ),
}
WORDS = {expression: (text, text) for expression, text in SAME.items()} | DIFFERENT
EXPRESSIONS = [*WORDS, "SMTP.__init__", "PSMTP.__init__"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    directory = tmp_path_factory.mktemp("revealed")
    lines = [f"reveal_type({expression})" for expression in EXPRESSIONS]
    (directory / "revealed.py").write_text(HEAD + "\n".join(lines) + "\n", "utf8")
    configuration = {"extraPaths": [str(PACKAGE)], "pythonVersion": "3.11"}
    (directory / "pyrightconfig.json").write_text(json.dumps(configuration), "utf8")
    # mypy finds what is installed by itself, and refuses to be told that path.
    where = "" if PACKAGE.name == "site-packages" else f"mypy_path = {PACKAGE}\n"
    (directory / "mypy.ini").write_text(
        f"[mypy]\nstrict = True\n{where}[mypy-gnupg]\nignore_missing_imports = True\n"
    )
    return directory


@pytest.fixture(scope="module")
def mypy(source):
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed in this environment")
    said = check([sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "revealed.py"], source)
    found = re.findall(r'note: Revealed type is "(.*)"$', said, re.MULTILINE)
    return answers([short(text.replace("builtins.", "")) for text in found], said)


@pytest.fixture(scope="module")
def pyright(source):
    program = shutil.which("pyright", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("pyright is not installed in this environment")
    said = check([program, "--pythonpath", sys.executable, "--outputjson"], source)
    notes = [item["message"] for item in json.loads(said)["generalDiagnostics"]]
    found = re.findall(r'^Type of ".*" is "(.*)"$', "\n".join(notes), re.MULTILINE)
    return answers(found, said)


def check(command, directory):
    done = subprocess.run(command, cwd=directory, capture_output=True, check=False, text=True)
    return done.stdout


def answers(found, said):
    assert len(found) == len(EXPRESSIONS), said
    return dict(zip(EXPRESSIONS, found, strict=True))


def short(text):
    """Leave the modules out of a type's name, as pyright does."""
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", text)


@pytest.mark.parametrize("expression", WORDS)
def test_mypy(mypy, expression):
    assert mypy[expression] == WORDS[expression][0]


@pytest.mark.parametrize("expression", WORDS)
def test_pyright(pyright, expression):
    assert pyright[expression] == WORDS[expression][1]


@pytest.mark.parametrize("kind", [SMTP, PSMTP])
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_the_constructor_has_every_row_with_its_type_and_nothing_else(request, checker, kind):
    text = request.getfixturevalue(checker)[f"{kind.__name__}.__init__"]
    named = dict(re.findall(r"(\w+): (\w+) =", text.partition("*, ")[2]))
    assert named == {row.name: row.type.__name__ for row in rows(kind)}
    assert "Any" not in text
