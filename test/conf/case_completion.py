"""Completion for bash: it must offer every command and option that the tables have."""

import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = """
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
"_${1##*/}" "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def offered(lab, program, *words, folder=None):
    """What is offered for the last of the words, as bash splits them."""
    file = os.path.join(ROOT, "conf", "bash-completion", os.path.basename(program))
    done = subprocess.run(["bash", "-c", SCRIPT, "bash", file, program] + list(words), check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
                          timeout=20 * lab.build.slowness, env=lab.environment)
    assert not done.stderr, done.stderr
    return set(done.stdout.split())


def rows(kind):
    """The names of the options of mcreplctl of this kind."""
    names = re.findall(r'^OPTION_%s\(\s*"?([\w-]+)' % kind, read("ctl", "ctl_option_rows.h"), re.M)
    assert names, kind
    return {"--" + name for name in names}


def commands():
    names = re.findall(r'^    \{ "([a-z-]+)", "', read("ctl", "main.c"), re.M)
    assert "status" in names and "keepalived-conf" in names, names
    return set(names)


def case_commands(lab):
    """Every command is offered, and after help as well; others are not."""
    ctl = lab.build.mcreplctl
    assert offered(lab, ctl, "") == commands(), offered(lab, ctl, "") ^ commands()
    assert offered(lab, ctl, "help", "") == commands()
    assert offered(lab, ctl, "-s", "x.sock", "pro") == {"promote"}
    assert offered(lab, ctl, "promote", "") == set()


def case_options(lab):
    """The options of the tables, each with the commands that take it."""
    ctl, common = lab.build.mcreplctl, rows("COMMON")
    assert offered(lab, ctl, "--") == common
    wanted = {"status": rows("STATUS"), "guard": rows("GUARD"), "load": rows("LOAD"),
              "keepalived-conf": rows("KEEPALIVED")}
    for command in commands():
        found = offered(lab, ctl, command, "--")
        assert found == common | wanted.get(command, set()), (command, found)


def case_options_of_mcd(lab):
    """The same for mcd."""
    names = set(re.findall(r'^SETTING\("([a-z0-9-]+)"', read("server", "mcd_option_rows.h"), re.M))
    found = {word[2:] for word in offered(lab, lab.build.mcd, "--")}
    assert names and found >= names, names - found


def case_values(lab):
    """Words to choose from, files and folders are offered where an option takes them."""
    ctl = lab.build.mcreplctl
    os.mkdir(os.path.join(lab.folder, "here"))
    with open(os.path.join(lab.folder, "items.dump"), "w", encoding="ascii"):
        pass
    assert offered(lab, ctl, "keepalived-conf", "--profile", "") == {"fast", "conservative"}
    assert offered(lab, ctl, "keepalived-conf", "--profile", "=", "f") == {"fast"}
    assert offered(lab, ctl, "guard", "--dir", "", folder=lab.folder) >= {"here"}
    assert "items.dump" not in offered(lab, ctl, "guard", "--dir", "", folder=lab.folder)
    assert offered(lab, ctl, "load", "it", folder=lab.folder) == {"items.dump"}
    assert offered(lab, lab.build.mcd, "--protocol", "=", "b") == {"binary"}
