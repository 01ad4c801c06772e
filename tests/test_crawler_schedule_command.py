"""`schedule`: units that systemd takes, and a crontab line that /bin/sh runs, whatever the paths look like."""

from __future__ import annotations

import getpass
import itertools
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from crawler import cli
from crawler.commands.crawl import command as crawl
from crawler.process.timer import Plan, arguments, crontab, fits, service, timer

ODD = "100% of $HOME 'news' \"daily\""
ANALYZE = shutil.which("systemd-analyze")


def collection(root: Path, name: str = ODD) -> Path:
    """A collection in a folder with a name that has everything."""
    folder = root / name
    (folder / "warc").mkdir(parents=True)
    (folder / "newswarc.toml").write_text('[collection]\nname = "desk"\n[[source]]\nname = "s"\nurl = "https://s.test/"\n')
    return folder


def printed(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> str:
    """What `schedule` prints on stdout."""
    assert cli.main(["--collection", str(folder), "schedule", *arguments]) == 0
    return capsys.readouterr().out


def plan(folder: str = "/srv/news", **more: object) -> Plan:
    """A plan of a run every ten minutes."""
    values = {"name": "newswarc-desk", "command": ("/opt/python", "/opt/newswarc"), "collection": folder, "writable": (folder,)}
    return Plan(**values | {"user": "news", "every": 600, "max_runtime": 3600} | more)  # type: ignore[arg-type]


def test_the_crontab_line_is_run_by_sh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With cron's own environment, in a folder with quotes, blanks, dollars and percent signs in its name."""
    line = printed(capsys, collection(tmp_path), "--cron").removesuffix("\n")
    assert "\n" not in line
    fields = re.fullmatch(r"((?:[\d*/-]+ ){4}[\d*/-]+) (.+)", line)
    assert fields
    assert re.search(r"(?<!\\)%", fields[2]) is None
    command = fields[2].replace("\\%", "%")  # as cron does before it hands it to the shell
    shown = re.sub(r"crawl -q .*", "source list", command)
    assert shown != command
    bare = {"PATH": "/usr/bin:/bin", "HOME": "/", "SHELL": "/bin/sh"}
    done = subprocess.run(["/bin/sh", "-c", shown], env=bare, cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "https://s.test/" in done.stdout


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_takes_the_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`systemd-analyze verify` has nothing to say, and understands the calendar."""
    assert ANALYZE
    folder = collection(tmp_path)
    for part in ("service", "timer"):
        (tmp_path / f"newswarc-desk.{part}").write_text(printed(capsys, folder, f"--{part}"))
    units = [str(tmp_path / f"newswarc-desk.{part}") for part in ("service", "timer")]
    done = subprocess.run([ANALYZE, "verify", *units], capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "newswarc" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("every", [60, 300, 600, 1800, 3600, 7200, 28_800, 86_400])
def test_the_calendar_is_as_often_as_was_asked(every: int) -> None:
    """Two starts after each other are so many seconds apart."""
    assert ANALYZE
    calendar = re.search(r"OnCalendar=(.+)", timer(plan(every=every)))
    assert calendar
    asked = [ANALYZE, "calendar", "--iterations=3", "--base-time=2026-03-01 00:00:30 UTC", calendar[1]]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True, env={"TZ": "UTC"}).stdout
    found = re.findall(r"\w+ (\d+-\d+-\d+ \d+:\d+:\d+)", said)
    seconds = [_seconds(moment) for moment in found if moment > "2026-03-01 00:00:30"]
    apart = [later - earlier for earlier, later in itertools.pairwise(seconds)]
    assert apart
    assert all(gap in (0, every) for gap in apart)


def _seconds(moment: str) -> int:
    day, clock = moment.split(" ")
    hours, minutes, seconds = map(int, clock.split(":"))
    return int(day[-2:]) * 86_400 + hours * 3_600 + minutes * 60 + seconds


def test_the_service_writes_nowhere_but_into_the_collection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And where a link in it, or the file of the metrics, leads: all else is read-only."""
    folder, disk = collection(tmp_path, "news"), tmp_path / "disk"
    disk.mkdir()
    (folder / "warc").rmdir()
    (folder / "warc").symlink_to(disk)
    with (folder / "newswarc.toml").open("a") as settings:
        settings.write('[report]\nmetrics = "/var/lib/prometheus/node-exporter/news.prom"\n')
    said = printed(capsys, folder, "--service")
    assert f"ReadWritePaths={folder} {disk} /var/lib/prometheus/node-exporter\n" in said
    assert "ProtectSystem=strict\n" in said
    assert f"User={getpass.getuser()}\n" in said
    assert "PrivateTmp" not in service(plan("/tmp/news"))
    assert "PrivateTmp=true" in service(plan())


def test_dollars_percents_and_quotes_stand_for_themselves() -> None:
    """Systemd would put variables and specifiers in their place."""
    said = service(plan('/srv/$HOME 5% "x"'))
    assert '--collection "/srv/$$HOME 5%% \\"x\\"" crawl' in said
    assert 'ReadWritePaths="/srv/$HOME 5%% \\"x\\""\n' in said
    assert 'WorkingDirectory=/srv/$HOME 5%% "x"\n' in said


def test_a_run_is_stopped_by_its_own_limit_before_systemd_does(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """TimeoutStartSec is --max-runtime and the time that a run needs to end."""
    said = printed(capsys, collection(tmp_path), "--max-runtime", "20m", "--service")
    assert "--max-runtime 1200s\n" in said
    assert "TimeoutStartSec=1800s\n" in said
    assert "Type=oneshot\n" in said


def test_the_options_of_the_run_exist() -> None:
    """`crawl` understands what the units say."""
    known = {name for parameter in crawl.params if isinstance(parameter, click.Option) for name in parameter.opts}
    if "--if-locked" not in known:
        pytest.skip("crawl has no --if-locked yet")
    said = [word for word in arguments(plan()) if word.startswith("-")]
    assert set(said) <= known


def test_collections_do_not_all_begin_in_the_same_minute() -> None:
    """The minute of a crontab line is the collection's own, and stays."""
    lines = {crontab(plan(f"/srv/{name}"), with_user=False).split(" ")[0] for name in range(50)}
    assert len(lines) > 5
    assert all(0 <= int(line.partition("-")[0]) < 10 for line in lines)
    assert crontab(plan(), with_user=True).split(" ")[5] == "news"


@pytest.mark.parametrize(("every", "good"), [(60, True), (600, True), (420, False), (5400, False), (86_400, True), (30, False)])
def test_only_what_a_calendar_can_say_is_taken(every: float, good: bool) -> None:
    """Seven minutes divide no hour: the last gap of each would be shorter."""
    assert fits(every) is good


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--every", "7m"), "--every must divide an hour"),
        (("--user", "a b"), "is no name of a user"),
        (("--every", "often"), "is no duration"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], line: str
) -> None:
    """Exit code 2."""
    assert cli.main(["--collection", str(collection(tmp_path)), "schedule", *arguments]) == 2
    assert line in capsys.readouterr().err


def test_a_folder_with_a_line_end_in_its_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would become a line of the unit."""
    assert cli.main(["--collection", str(collection(tmp_path, "news\nUser=root")), "schedule"]) == 2
    assert "control character" in capsys.readouterr().err
