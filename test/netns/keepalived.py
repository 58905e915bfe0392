"""keepalived's configuration for one node of a test's pair; no other file knows it.

It is the one that users get, with the test's addresses and folder.
"""

import os
import re
import subprocess

from harness.report import Failed

RULE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../conf/nftables/vip.nft")

EXTRA = "track_file extra {\n    file %s\n    weight 1\n}\n\n"


def configuration(mcreplctl, extra=None, **values):
    """values: options of keepalived-conf. extra: an additional file that adds to the
    priority."""
    command = [mcreplctl, "keepalived-conf"]
    for name, value in values.items():
        command += ["--" + name, str(value)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                          check=False)
    if done.returncode != 0:
        raise Failed("%s: %s" % (" ".join(command), done.stderr.decode(errors="replace")))
    text = done.stdout.decode()
    if extra:
        for mark, addition in (("vrrp_instance", EXTRA % extra), ("        rank\n", "        extra\n")):
            if text.count(mark) != 1:
                raise Failed("the configuration does not have %r exactly once" % mark)
            text = text.replace(mark, addition + mark)
    return text


def rule(vip):
    """The shipped rule that refuses packets to the address on the node that does not have
    it."""
    with open(RULE, encoding="utf-8") as file:
        text, count = re.subn(r"(?m)^define vip = .*$", "define vip = " + vip, file.read())
    if count != 1:
        raise Failed("the rule does not define vip exactly once")
    return text
