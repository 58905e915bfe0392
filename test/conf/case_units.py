"""The systemd units, checked by systemd where `make install` puts them."""

import os
import re

from harness.report import Skip
from unit_files import UNITS, Installed, tool

ALL = ("mcd.service", "mcd@11211.service", "mcd-guard@11211.service", "keepalived.service")


def case_installed(lab):
    """Everything is installed below the prefix, and nothing where an operator's own files
    are."""
    installed = Installed(lab)
    for end in ["/systemd/system/" + unit for unit in UNITS] + [
            "/keepalived.service.d/mcd.conf", "/sysusers.d/mcd.conf",
            "/tmpfiles.d/mcd.conf", "/mcd.default", "/vip.nft", "/pair.nft"]:
        text = installed.read(end)
        assert not re.search(r"@[A-Za-z_]+@", text), end
    units = os.path.dirname(installed.find("/mcd@.service"))
    # keepalived may do something else on a machine that has this package.
    assert not installed.find("/keepalived.service.d/mcd.conf").startswith(units), units
    assert not [path for path in installed.files if path.startswith("/etc/")], installed.files
    with open(os.path.join(lab.build.folder, "Makefile"), encoding="utf-8") as file:
        prefix = re.search(r"^prefix = (.*)$", file.read(), re.M).group(1)
    if prefix != "/usr":
        outside = [path for path in installed.files if not path.startswith(prefix + "/")]
        assert not outside, "outside of %s: %s" % (prefix, outside)
    return units


def case_verify(lab):
    """systemd accepts the units, and keepalived with our drop-in, without a message."""
    code, said = Installed(lab).complete().verify(*ALL)
    assert (code, said) == (0, ""), "%d: %s" % (code, said)


def case_broken_are_noticed(lab):
    """systemd refuses broken units: otherwise its acceptance would prove nothing."""
    installed = Installed(lab).complete()
    breakages = [
        ("/mcd@.service", "Restart=always", "Restart=allways", "restart specifier"),
        ("/mcd@.service", "Type=", "Typ=", "Unknown key"),
        ("/mcd@.service", "/mcd -p", "/mcd.gone -p", "not executable"),
        ("/mcd@.service", '${ENGINE_OPTIONS}"', "${ENGINE_OPTIONS}", "nbalanced quoting"),
        ("/mcd-guard@.service", "SystemCallFilter=@system-service",
         "SystemCallFilter=@system-servis", "system call"),
        ("/keepalived.service.d/mcd.conf", "RestartSec=100ms", "RestartSec=100furlongs", "sec value"),
    ]
    for end, right, wrong, words in breakages:
        good = installed.read(end)
        assert right in good, right
        installed.write(end, good.replace(right, wrong))
        code, said = installed.verify(*ALL)
        installed.write(end, good)
        # systemd only prints less serious problems: only silence means that all is well.
        assert said and words in said, "%s: %d: %s" % (wrong, code, said or "nothing said")
    return "%d kinds" % len(breakages)


def case_security(lab):
    """systemd's own exposure score of a unit: 10 is fully exposed, 0 is not."""
    installed = Installed(lab).complete()
    scores = []
    for unit, most in (("mcd.service", 1.6), ("mcd@11211.service", 1.6), ("mcd-guard@11211.service", 0.7)):
        done = tool(lab, "systemd-analyze", "security", "--offline=true", "--root=" + installed.root,
                    "--no-pager", unit)
        found = re.search(r"Overall exposure level for \S+ ([0-9.]+)", done.stdout)
        assert found, done.stdout
        scores.append("%s %s" % (unit, found.group(1)))
        assert float(found.group(1)) <= most, "%s: %s" % (scores[-1], done.stdout)
    return ", ".join(scores)


def case_user(lab):
    """The user, the folder and the FIFO, made below a separate root."""
    if os.getuid() != 0:
        raise Skip("only root can make a user, even of a folder")
    installed = Installed(lab)
    os.makedirs(installed.root + "/etc", exist_ok=True)
    done = tool(lab, "systemd-sysusers", "--root=" + installed.root,
                installed.root + installed.find("/sysusers.d/mcd.conf"))
    assert done.returncode == 0, done.stdout
    with open(installed.root + "/etc/passwd", encoding="utf-8") as file:
        line = re.search(r"^mcd:x:(\d+):(\d+):.*:/usr/sbin/nologin$", file.read(), re.M)
    assert line, "there is no user mcd"
    done = tool(lab, "systemd-tmpfiles", "--create", "--root=" + installed.root,
                installed.root + installed.find("/tmpfiles.d/mcd.conf"))
    assert done.returncode == 0, done.stdout
    for path, mode in (("/run/mcd", 0o40755), ("/run/mcd/vrrp.fifo", 0o10600)):
        found = os.stat(installed.root + path)
        assert (found.st_mode, found.st_uid, found.st_gid) == (
            mode, int(line.group(1)), int(line.group(2))), "%s: %s" % (path, found)
