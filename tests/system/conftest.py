"""Fixtures: a directory, a farm (farm.py), a scripted next hop (hop.py), a real Postfix (peers.py)."""

import os
import pathlib
import shutil
import signal
import tempfile

import pytest

import house
from farm import Farm, processes
from hop import Hop
from peers import Postfix


pytest.register_assert_rewrite("pop3_cases", "pop3_scram", "pop3_wire")


def pytest_configure(config):
    config.addinivalue_line("markers", "release: runs on the release build (shims, kills, timing, memory)")
    config.addinivalue_line("markers", "soak: the long loops; only with tests/run --soak")


def pytest_collection_modifyitems(config, items):
    """Without -m soak the long loops are not part of the run, with it nothing else is."""
    if not config.option.markexpr:
        kept = [item for item in items if not item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


@pytest.fixture
def directory(request):
    """A directory others may enter (Postfix's user must); kept for reading when the test failed."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="popgate-test."))
    path.chmod(0o755)
    yield path
    report = getattr(request.node, "report_call", None)
    if report is not None and report.failed and os.environ.get("POPGATE_KEEP"):
        print(f"kept: {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            house.sudo("rm", "-rf", path)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.report_call = report
        if report.failed and (farm := item.funcargs.get("farm") or item.funcargs.get("host")):
            report.sections.append(("daemons", "\n".join(
                f"--- {path.name}\n{path.read_text(errors='replace')[-6000:]}"
                for path in sorted(farm.dir.glob("*.log")))))


@pytest.fixture
def farm(request, directory):
    build = house.RELEASE if request.node.get_closest_marker("release") else house.SANITISED
    made = Farm(directory / "farm", build)
    yield made
    made.stop()


@pytest.fixture
def hop():
    made = Hop().start()
    yield made
    made.stop()


@pytest.fixture
def postfix(directory):
    made = Postfix(directory / "postfix", ["bob@else.test", "carol@else.test", "dave@else.test"])
    yield made.start()
    made.stop()


@pytest.fixture(autouse=True, scope="session")
def nothing_left_running():
    """Whatever a test started and did not end is ended here, and fails the run."""
    yield
    left = processes(f"{os.getpid()}.")
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"left running after the tests: {left}"
