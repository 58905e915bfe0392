"""A network that loses large packets and says nothing of it."""

from plain import LINK_PORT, Plain

RULE = """
    table inet mtu {
        chain in {
            type filter hook prerouting priority -300;
            tcp dport %d meta length > 1000 drop
            tcp sport %d meta length > 1000 drop
        }
    }
""" % (LINK_PORT, LINK_PORT)


def case_black_hole(build):
    """The nodes meet, and then nothing moves: the log says why. Later they meet as ever."""
    pair = Plain(build)
    with pair:
        a = pair.node("a", pair.addresses["b"], config="timeout=600;heartbeat=100")
        b = pair.node("b", pair.addresses["a"], config="timeout=600;heartbeat=100")
        a.start()
        for number in range(50):
            assert a.client().store("key%d" % number, "v" * 1000) == "STORED"
        pair.rules("b", RULE)
        b.start()
        pair.says(a, "linked to the peer")
        pair.says(a, "large packets to the peer do not arrive")
        assert "tcp_mtu_probing" in a.log(), a.log()
        assert "large packets" not in b.log(), b.log()
        pair.rules("b", "delete table inet mtu")
        pair.link(a, b)


def case_silence_is_no_black_hole(build):
    """Neither is a network that loses everything, one way or both."""
    pair = Plain(build)
    with pair:
        a = pair.node("a", pair.addresses["b"], config="timeout=600;heartbeat=100")
        b = pair.node("b", pair.addresses["a"], config="timeout=600;heartbeat=100")
        pair.link(a, b)
        for _ in range(3):
            pair.rules("b", RULE.replace("meta length > 1000", ""))
            pair.lab.until(lambda: a.stat("repl_link") != "streaming", "a notices")
            for number in range(50):
                assert a.client().store("key%d" % number, "v" * 1000) == "STORED"
            pair.rules("b", "delete table inet mtu")
            pair.link(a, b)
        assert "large packets" not in a.log() + b.log(), a.log()
