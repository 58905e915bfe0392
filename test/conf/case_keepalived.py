"""mcreplctl keepalived-conf, checked by keepalived itself."""

import itertools
import os
import re
import shutil
import subprocess

from harness.report import Skip

FAMILIES = {
    "IPv4": {"vip": "10.9.0.100/24", "a": "10.9.0.1", "b": "10.9.0.2"},
    "IPv6": {"vip": "fd00:9::100/64", "a": "fe80::9:1", "b": "fe80::9:2"},
}
# keepalived needs an existing interface that is not loopback. So this makes a network of
# its own, which disappears when this shell ends.
IN_A_NETWORK = """
ip link add eth9 type veth peer name eth8 && ip link set eth9 up && ip link set eth8 up || exit 99
ip address add 10.9.0.1/24 dev eth9 && ip address add fe80::9:1/64 dev eth9 nodad || exit 99
for file in "$@"; do
    echo "== $file"
    keepalived -t -f "$file"
    echo "== $?"
done
"""


def run(lab, *words):
    return subprocess.run(
        [lab.build.mcreplctl] + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        check=False, timeout=20 * lab.build.slowness, env=lab.environment, text=True)


def usual(family="IPv4", node="a", **other):
    words = FAMILIES[family]
    peer = "b" if node == "a" else "a"
    given = {"vip": words["vip"], "interface": "eth9", "self": words[node], "peer": words[peer]}
    given.update(other)
    return ["keepalived-conf"] + ["--%s=%s" % pair for pair in given.items() if pair[1] is not None]


def make(lab, *more, **given):
    done = run(lab, *usual(**given), *more)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def judge(lab, texts):
    """keepalived's opinion of each text: name -> (exit code, output)."""
    for program in ("keepalived", "unshare", "ip"):
        if not shutil.which(program):
            raise Skip("%s is not installed (./dev deps installs it)" % program)
    paths = {}
    for name, text in texts.items():
        path = os.path.join(lab.folder, re.sub(r"\W", "-", name) + ".conf")
        paths[path] = name
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    done = subprocess.run(
        ["unshare", "--net"] + (["--map-root-user"] if os.getuid() else [])
        + ["sh", "-c", IN_A_NETWORK, "sh"] + list(paths), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False, timeout=120, text=True)
    found = re.findall(r"^== (/.*)\n((?:.*\n)*?)== (\d+)$", done.stdout, re.M)
    if done.returncode == 99 or not found:
        raise Skip("no network can be made here: " + (done.stdout.strip() or "no reason given"))
    assert len(found) == len(texts), done.stdout
    return {paths[path]: (int(code), words.strip()) for path, words, code in found}


def plain(text):
    """The lines that are not empty or comments, with uniform spacing."""
    lines = (" ".join(line.split("#")[0].split()) for line in text.splitlines())
    return [line for line in lines if line]


def case_accepted(lab):
    """keepalived accepts all kinds of configuration, for both nodes, without a
    message."""
    texts = {}
    for family, node, cast, profile in itertools.product(
            FAMILIES, "ab", ("unicast", "multicast"), ("fast", "conservative")):
        more = ["--profile", profile] + (["--multicast"] if cast == "multicast" else [])
        texts["%s %s %s %s" % (family, node, cast, profile)] = make(
            lab, *more, family=family, node=node)
    texts["by name"] = make(lab, "--name", "pair-2.b", "--vrid", "255", "--advert", "40950",
                            "--dir", "/run/mcd/2", "--fifo", "/run/mcd/2.fifo", "-s", "/run/2.sock")
    judged = judge(lab, texts)
    for name, (code, words) in judged.items():
        assert (code, words) == (0, ""), "%s: %d: %s" % (name, code, words)
    return "%d configurations" % len(judged)


def case_contents(lab):
    """Each configuration has what was requested, and nothing of the other kind."""
    a = plain(make(lab, "--advert", "50", "--dir=/x/y", "--fifo=/x/f", "--name=n", "--vrid=7",
                   "--socket=/x/s"))
    for line in ("advert_int 0.05", "file /x/y/health", "file /x/y/rank", "vrrp_notify_fifo /x/f",
                 "vrrp_instance n {", "virtual_router_id 7", "unicast_src_ip 10.9.0.1", "10.9.0.2",
                 "10.9.0.100/24 dev eth9", "interface eth9", "check_unicast_src",
                 'script "%s -s /x/s -t 500 status"' % os.path.realpath(lab.build.mcreplctl)):
        assert line in a, "the configuration does not have '%s': %s" % (line, a)
    assert not [line for line in a if "@" in line or "mcast" in line], a
    multi = plain(make(lab, "--multicast", "--profile=conservative"))
    assert "mcast_src_ip 10.9.0.1" in multi and "advert_int 0.30" in multi, multi
    assert not [line for line in multi if "unicast" in line or line == "10.9.0.2"], multi
    assert "advert_int 0.10" in plain(make(lab)), "the default profile is not fast"
    a, b = plain(make(lab)), plain(make(lab, node="b"))
    differ = {words for pair in zip(a, b) if pair[0] != pair[1] for words in pair}
    assert len(a) == len(b) and differ == {"unicast_src_ip 10.9.0.1", "unicast_src_ip 10.9.0.2",
                                           "10.9.0.1", "10.9.0.2"}, differ


def case_refused(lab):
    """Values that keepalived would misread or could not use are refused, with a
    reason."""
    wrong = [
        ({"vip": None}, "--vip is missing"),
        ({"self": None}, "--self is missing"),
        ({"peer": None}, "--peer is missing"),
        ({"interface": None}, "--interface is missing"),
        ({"vip": "10.9.0.100"}, "length of its network's prefix"),
        ({"vip": "10.9.0.100/"}, "length of its network's prefix"),
        ({"vip": "10.9.0.100/24x"}, "length of its network's prefix"),
        ({"vip": "10.9.0.100/0"}, "1 to 32"),
        ({"vip": "10.9.0.100/33"}, "1 to 32"),
        ({"vip": "fd00:9::100/129"}, "1 to 128"),
        ({"vip": "x" * 100 + "/24"}, "length of its network's prefix"),
        ({"vip": "0.0.0.0/24"}, "one machine"),
        ({"vip": "fd00:9::100/64"}, "all be IPv4 or all be IPv6"),
        ({"self": "node-a"}, "names are not looked up"),
        ({"self": "224.0.0.18"}, "one machine"),
        ({"peer": "ff02::12"}, "one machine"),
        ({"peer": "10.9.0.300"}, "one machine"),
        ({"peer": "10.9.0.1"}, "are the same"),
        ({"vip": "10.9.0.2/24"}, "another address than"),
        ({"interface": "an-interface-too"}, "1 to 15"),
        ({"interface": ""}, "1 to 15"),
        ({"interface": "eth 0"}, "1 to 15"),
        ({"name": "a}b"}, "letters"),
        ({"name": "a\nb"}, "letters"),
        ({"dir": "/run/mcd\"x"}, "letters"),
        ({"dir": "/run/my files"}, "letters"),
        ({"dir": "run/mcd"}, "absolute path"),
        ({"fifo": "vrrp.fifo"}, "absolute path"),
        ({"socket": "/" + "s" * 107}, "1 to 107"),
        ({"socket": "/run/#1"}, "letters"),
        ({"vrid": "0"}, "1 to 255"),
        ({"vrid": "256"}, "1 to 255"),
        ({"vrid": "-1"}, "a whole number"),
        ({"advert": "0"}, "10 to 40950"),
        ({"advert": "9"}, "10 to 40950"),
        ({"advert": "15"}, "steps of 10"),
        ({"advert": "40960"}, "10 to 40950"),
        ({"advert": "1s"}, "a whole number"),
        ({"profile": "slow"}, "fast|conservative"),
    ]
    for given, why in wrong:
        done = run(lab, *usual(**given))
        assert done.returncode == 2, "%s: exit code %d" % (given, done.returncode)
        assert not done.stdout and why in done.stderr, "%s: %s" % (given, done.stderr or done.stdout)
    for words in (["--nonsense"], ["status"], ["--json"]):
        done = run(lab, *usual(), *words)
        assert done.returncode == 2 and not done.stdout, "%s: %s" % (words, done.stdout)
    return "%d wrong values" % len(wrong)


def case_broken_are_noticed(lab):
    """keepalived refuses broken configurations: otherwise its acceptance would prove
    nothing."""
    good = make(lab)
    broken = {
        "misspelt": good.replace("unicast_src_ip", "unicast_source_ip"),
        "priority": good.replace("priority 248", "priority 300"),
        "interface": good.replace("interface eth9", "interface eth7"),
        "program": good.replace("mcreplctl -s", "mcreplctl.gone -s"),
        "not filled in": good.replace("10.9.0.100/24", "@VIP@"),
    }
    for name, text in broken.items():
        assert text != good, name
    for name, (code, words) in judge(lab, broken).items():
        assert code != 0, "%s was accepted: %s" % (name, words)
