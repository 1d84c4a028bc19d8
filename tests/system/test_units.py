"""The units of deploy/systemd, as meson installs them: systemd understands every line, nothing that can be closed is
open, and what they run takes the options that they give."""

import re
import shutil
import subprocess

import pytest

import house

SYSTEMD = house.SOURCE / "deploy/systemd"
SERVICES = ("popgate-pop3d", "popgate-smtpgate", "popgate-store")
SOCKETS = ("popgate-pop3d", "popgate-smtpgate")
HIGHEST = {"plain": 2.0, "sockets": 2.0, "root": 2.6}  # scores below which a form of running stays


@pytest.fixture(scope="module")
def unit_dir(tmp_path_factory):
    """The units with the programs of this build."""
    directory = tmp_path_factory.mktemp("units")
    for service in SERVICES:
        text = (house.RELEASE / f"deploy/{service}.service").read_text()
        for name, path in house.PROGRAMS.items():
            text = re.sub(rf"^(Exec\w+)=\S*/{name}(?!\S)", rf"\1={house.RELEASE / path}", text, flags=re.M)
        (directory / f"{service}.service").write_text(text)
    for socket in SOCKETS:
        shutil.copy(SYSTEMD / f"{socket}.socket", directory)
    return directory


def analyze(*words):
    return subprocess.run(["systemd-analyze", "--no-pager", *words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)


def drop_in(unit_dir, tmp_path, form):
    """The units in one of the ways to run them: as they are, or with deploy/systemd/FORM.conf."""
    directory = tmp_path / form
    shutil.copytree(unit_dir, directory)
    for service in SERVICES[:2] if form != "plain" else ():
        (directory / f"{service}.service.d").mkdir()
        shutil.copy(SYSTEMD / f"{form}.conf", directory / f"{service}.service.d")
    return directory


@pytest.mark.release
@pytest.mark.parametrize("form", HIGHEST)
def test_the_exposure_stays_below_what_is_published(unit_dir, tmp_path, form):
    directory = drop_in(unit_dir, tmp_path, form)
    for service in SERVICES[:2] if form != "plain" else SERVICES:
        said = analyze("security", "--offline=true", str(directory / f"{service}.service"))
        score = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout).group(1))
        print(f"{service} {form}: {score}")
        assert score < HIGHEST[form], said.stdout
        assert "Unknown" not in said.stderr, said.stderr


@pytest.mark.release
@pytest.mark.parametrize("form", HIGHEST)
def test_systemd_understands_every_line(unit_dir, tmp_path, form):
    directory = drop_in(unit_dir, tmp_path, form)
    said = analyze("verify", "--man=no", *(str(path) for path in sorted(directory.glob("*.s*e*")) if path.is_file()))
    complaints = [line for line in said.stderr.splitlines() if "popgate" in line]
    assert not complaints and said.returncode == 0, said.stderr


@pytest.mark.release
def test_a_unit_hides_nothing_of_proc_that_its_program_reads():
    """ProcSubset=pid leaves no /proc/sys; the store would take each boot for the same one."""
    rooms = {"popgate-store": ("common/store",), "popgate-pop3d": ("pop3d", "common/net", "common/worker"),
             "popgate-smtpgate": ("smtpgate", "common/net", "common/worker")}
    for service, folders in rooms.items():
        reads = any(re.search(r'"/proc/(?!self|%d)', path.read_text())
                    for folder in folders for path in (house.SOURCE / folder).glob("*.c"))
        hidden = "\nProcSubset=pid\n" in (house.RELEASE / f"deploy/{service}.service").read_text()
        assert hidden != reads, f"{service} {'reads' if reads else 'does not read'} below /proc"


@pytest.mark.release
def test_users_and_directories_are_those_of_the_config():
    """Who the units name is who sysusers.d makes, and what popgate.conf has by default."""
    made = set(re.findall(r"^u (\S+)", (SYSTEMD / "sysusers.d/popgate.conf").read_text(), re.M))
    named = {re.search(r"^User=(.*)", (house.RELEASE / f"deploy/{service}.service").read_text(), re.M).group(1)
             for service in SERVICES}
    defaults = (house.SOURCE / "common/conf/schema.c").read_text()
    assert made == named and all(f'"{user}"' in defaults for user in made)
    owners = re.findall(r"^[dz] \S+ +\d+ (\S+) +(\S+)", (SYSTEMD / "tmpfiles.d/popgate.conf").read_text(), re.M)
    assert {name for pair in owners for name in pair} <= made | {"popgate"} and len(owners) == 5


@pytest.mark.release
def test_the_ports_of_a_socket_unit_are_those_of_the_example():
    example = (house.SOURCE / "deploy/examples/maildir/popgate.conf").read_text()
    for socket in SOCKETS:
        section = re.search(rf"^{socket[8:]} \{{(.*?)^\}}", example, re.M | re.S).group(1)
        wanted = set(re.findall(r'^ +listener "([^"]+)"', section, re.M))
        assert set(re.findall(r"^ListenStream=(.*)", (SYSTEMD / f"{socket}.socket").read_text(), re.M)) == wanted
