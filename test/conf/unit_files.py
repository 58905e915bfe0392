"""The systemd units as `make install` puts them into a folder, and systemd's view of
them."""

import glob
import os
import shlex
import shutil
import subprocess

from harness.report import Skip

UNITS = ("mcd.service", "mcd@.service", "mcd-guard@.service")
SYSTEM = "/lib/systemd/system"  # where this machine's own units are


class Installed:
    """The result of `make install DESTDIR=`, and what systemd needs to check it there."""

    def __init__(self, lab):
        self.lab, self.root = lab, os.path.join(lab.folder, "root")
        with open(os.path.join(lab.build.folder, "Makefile"), encoding="utf-8") as file:
            if "\nsystemdsystemunit_DATA" not in file.read():
                raise Skip("configured with --without-systemdsystemunitdir")
        done = subprocess.run(
            ["make", "-C", lab.build.folder, "install-data", "DESTDIR=" + self.root],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True, timeout=300,
            env={name: value for name, value in lab.environment.items()
                 if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
        assert done.returncode == 0, "make install-data: " + done.stdout[-2000:]
        self.files = sorted(
            "/" + os.path.relpath(os.path.join(folder, name), self.root)
            for folder, _, names in os.walk(self.root) for name in names)

    def find(self, end):
        """The one installed file whose path ends in this."""
        found = [path for path in self.files if path.endswith(end)]
        assert len(found) == 1, "%s is installed %d times: %s" % (end, len(found), self.files)
        return found[0]

    def read(self, end):
        with open(self.root + self.find(end), encoding="utf-8") as file:
            return file.read()

    def write(self, end, text):
        with open(self.root + self.find(end), "w", encoding="utf-8") as file:
            file.write(text)

    def complete(self):
        """Adds the surrounding machine: systemd requires that programs and targets
        exist."""
        if not os.path.exists(os.path.join(SYSTEM, "keepalived.service")):
            raise Skip("keepalived is not installed (./dev deps installs it)")
        target = self.root + SYSTEM
        os.makedirs(target, exist_ok=True)
        for path in glob.glob(SYSTEM + "/*.target") + [SYSTEM + "/keepalived.service"]:
            if os.path.isfile(path):
                shutil.copy(path, target)
        # As the run book says for a machine with a pair.
        drop_in = os.path.join(self.root, "etc/systemd/system/keepalived.service.d")
        os.makedirs(drop_in, exist_ok=True)
        os.symlink(self.root + self.find("/keepalived.service.d/mcd.conf"),
                   os.path.join(drop_in, "mcd.conf"))
        programs = ["/bin/rm", "/bin/sh", "/bin/kill", "/bin/systemd-tmpfiles", "/usr/sbin/keepalived"]
        programs += [words(self.read("/" + unit), "ExecStart")[0].split()[0] for unit in UNITS]
        for path in programs:
            os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
            shutil.copy("/bin/true", self.root + path)
        return self

    def verify(self, *units):
        """systemd's verdict on them: (exit code, output)."""
        done = tool(self.lab, "systemd-analyze", "verify", "--man=no", "--root=" + self.root, *units)
        return done.returncode, done.stdout.strip()


def tool(lab, program, *arguments):
    """Runs one of systemd's programs; it does not need a running systemd."""
    if not shutil.which(program):
        raise Skip("%s is not installed (./dev deps installs it)" % program)
    return subprocess.run([program] + list(arguments), stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, text=True, timeout=60, env=lab.environment)


def words(unit, key):
    """The values of a unit's key, in order."""
    return [line.split("=", 1)[1] for line in unit.splitlines() if line.startswith(key + "=")]


def environment_of(text):
    """Parses a file as EnvironmentFile= does (ours has no continued lines and no
    escapes)."""
    lines = (line for line in text.splitlines() if line and line[0] not in "#;")
    return {name: "".join(shlex.split(value)) if value[:1] in "\"'" else value
            for name, value in (line.split("=", 1) for line in lines)}


def command_of(line, instance, environment):
    """Splits an ExecStart= as systemd does: ${NAME} stays one word, $NAME may become
    several."""
    command = []
    for word in shlex.split(line.replace("%i", instance)):
        if word.startswith("$") and not word.startswith("${"):
            command += environment.get(word[1:], "").split()
            continue
        while "${" in word:
            before, rest = word.split("${", 1)
            name, after = rest.split("}", 1)
            word = before + environment.get(name, "") + after
        command.append(word)
    return command
