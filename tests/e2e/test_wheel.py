"""The wheel has all that each group needs, and what the quickstarts say installs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

import gpgmail
from tests.support.documents import ROOT, examples
from tests.support.installed import constraint, needs_venv, outside

pytestmark = pytest.mark.interop

COLLECTION = "ansible_collections/gpgmail/mail/"


@pytest.fixture(scope="module")
def files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_the_package_and_the_collection_and_nothing_else(files):
    tracked = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "gpgmail", "ansible_collections"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if tracked.returncode:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    about = f"gpgmail-{gpgmail.__version__}.dist-info/"
    inside = {name for name in files if not name.startswith(about)}
    assert inside >= {name for name in tracked.stdout.split() if (ROOT / name).exists()}
    assert {name.partition("/")[0] for name in inside} == {"gpgmail", "ansible_collections"}
    assert not [name for name in inside if "__pycache__" in name]
    assert {"gpgmail/py.typed", COLLECTION + "plugins/modules/send.py"} <= inside
    licences = {about + "licenses/LICENSE", f"{about}licenses/{COLLECTION}COPYING"}
    assert licences <= {*files}


def test_programs_and_plugins_are_declared(files):
    (declared,) = (files[name] for name in files if name.endswith("entry_points.txt"))
    points = ConfigParser()
    points.read_string(declared.decode())
    assert dict(points["console_scripts"]) == {
        "gpgmail": "gpgmail.cli:main",
        "gpgmail-sendmail": "gpgmail.cli.sendmail:main",
    }
    assert dict(points["pytest11"]) == {"gpgmail": "gpgmail.pytest_plugin"}


def test_a_fresh_environment_has_it_and_checkers_see_its_types(machine):
    asked = (
        "import gpgmail, importlib.resources as r, json;"
        "print(json.dumps([gpgmail.__file__, r.files('gpgmail').joinpath('py.typed').is_file()]))"
    )
    done = subprocess.run(
        [machine / "python", "-I", "-c", asked], check=True, capture_output=True, env=outside()
    )
    place, typed = json.loads(done.stdout)
    assert typed
    assert Path(place).is_relative_to(machine.parent)


def run(block, place, wheel, **more):
    env = outside() | {"PIP_CONSTRAINT": str(constraint(wheel)), "PIP_QUIET": "1", **more}
    done = block.run(env, place)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_venv
def test_the_quickstart_of_scripts_installs_it(wheel, tmp_path):
    (tmp_path / "usr/local/bin").mkdir(parents=True)
    shown = examples("docs/quickstart-scripts.md")["install"]
    block = shown.with_({"/opt/": f"{tmp_path}/opt/", "/usr/local": f"{tmp_path}/usr/local"})
    run(block.with_({"python3 -m venv": f"{sys.executable} -m venv"}), tmp_path, wheel)

    for name in ("gpgmail", "gpgmail-sendmail"):
        done = subprocess.run(
            [tmp_path / "usr/local/bin" / name, "--version"],
            env=outside(),
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.split()[-1] == gpgmail.__version__


@needs_venv
def test_the_quickstart_of_tests_runs_with_what_it_installs(wheel, tmp_path):
    shown = examples("docs/quickstart-testing.md")
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, env=outside())
    (tmp_path / "test_mail.py").write_text(shown["test"].code)
    path = f"{environment}/bin{os.pathsep}{os.environ['PATH']}"
    for name in ("install", "run"):
        run(shown[name], tmp_path, wheel, PATH=path)
