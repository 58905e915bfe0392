"""Completion for bash: it must offer every command and option that the tables have."""

import os
import pty
import re
import select
import subprocess

from harness.report import Failed

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
    wanted = {"status": rows("STATUS") | rows("JSON"), "history": rows("JSON"), "guard": rows("GUARD"), "load": rows("LOAD"),
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
    assert offered(lab, lab.build.mcd, "-B", "b") == {"binary"}


def engine_rows(*path):
    names = re.findall(r"^OPTION\(\s*(\w+)", read(*path), re.M)
    assert names, path
    return {name + "=" for name in names}


def case_words_of_engines(lab):
    """-e: the options of the engine that -E names, behind the last semicolon, and their values."""
    mcd, store = lab.build.mcd, engine_rows("store", "store_option_rows.h")
    pair = ("-E", "repl_engine.so", "-e")
    assert offered(lab, mcd, "-e", "") == store
    assert offered(lab, mcd, *pair, "") == store | engine_rows("engine", "repl_option_rows.h")
    assert offered(lab, mcd, *pair, "'peer=10.0.0.2;stan") == {
        "peer=10.0.0.2;standby_writes=" + word for word in ("promote", "alone", "reject")}
    assert offered(lab, mcd, *pair, "'jour") == {"journal=", "journal=BYTES"}
    assert offered(lab, mcd, *pair, "'standby_writes=a") == {"standby_writes=alone"}
    assert offered(lab, mcd, *pair, '"lone=serve;on_conflict=') == {
        "lone=serve;on_conflict=invalidate", "lone=serve;on_conflict=keep"}
    # Without quotes bash takes "=" and ":" for words of their own.
    assert offered(lab, mcd, *pair, "standby_writes", "=", "a") == {"alone"}
    assert offered(lab, mcd, *pair, "peer", "=", "10.0.0.2", ":", "11") == set()
    assert offered(lab, mcd, "--engine-options", "=", "use_") == {"use_cas=true", "use_cas=false"}
    os.mkdir(os.path.join(lab.folder, "keys"))
    with open(os.path.join(lab.folder, "keys", "pair.secret"), "w", encoding="ascii"):
        pass
    assert offered(lab, mcd, *pair, "'secret_file=keys/", folder=lab.folder) == {"secret_file=keys/pair.secret"}


def case_words_of_o(lab):
    """-o: long options with _ for -, behind the last comma."""
    mcd = lab.build.mcd
    assert offered(lab, mcd, "-o", "idle_") == {"idle_timeout=", "idle_timeout=SECONDS"}
    assert offered(lab, mcd, "-o", "idle_timeout", "=", "60,no_max") == {"60,no_maxconns_fast"}
    assert offered(lab, mcd, "-o", "'idle_timeout=60,ssl_keyformat=P") == {"idle_timeout=60,ssl_keyformat=PEM"}
    assert offered(lab, mcd, "-o", "disable_") >= {"disable_cas", "disable_evictions"}


class Shell:
    """An interactive bash on a terminal, with the completion loaded."""

    def __init__(self, lab):
        self.lab = lab
        self.master, slave = pty.openpty()
        environment = dict(lab.environment, TERM="dumb", PS1="READY$ ", PS2="",
                           PATH=os.path.abspath(lab.build.folder) + ":" + lab.environment["PATH"])
        self.process = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=slave, stdout=slave,
                                        stderr=slave, env=environment, cwd=lab.folder, start_new_session=True)
        os.close(slave)
        self.shown = ""
        self.types("bind 'set enable-bracketed-paste off'; . %s\n" % os.path.join(ROOT, "conf", "bash-completion", "mcd"))

    def types(self, text):
        os.write(self.master, text.encode())

    def until(self, words):
        def is_shown():
            while select.select([self.master], [], [], 0.02)[0]:
                self.shown += os.read(self.master, 65536).decode().replace("\a", "")
            return words in self.shown
        try:
            self.lab.until(is_shown, "")
        except Failed:
            raise Failed("bash does not show %r but %r" % (words, self.shown)) from None

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def case_on_a_terminal(lab):
    """What bash makes of it: with a quote, without one, and no blank behind an equals sign."""
    shell = Shell(lab)
    try:
        for typed, wanted in (("mcd -E repl_engine.so -e 'peer=10.0.0.2;stan\tal\t", "'peer=10.0.0.2;standby_writes=alone'"),
                              ("mcd -E repl_engine.so -e standby_wr\trej\t", "standby_writes=reject "),
                              ("mcd -o idle_t\t60,no_max\t", "idle_timeout=60,no_maxconns_fast "),
                              ("mcreplctl his\t--js\t", "mcreplctl history --json ")):
            shell.shown = ""
            shell.types(typed)
            shell.until(wanted)
            shell.types("\x15")  # forget the line
    finally:
        shell.close()
