"""Scenario files.

    a >>> set k 0 0 1           sends bytes to node a, with CRLF added
    a >>> x
    a <<< STORED                expects exactly this line
    a <<< VALUE k 0 1 {cas}     {name} captures a word; a known name must match its word
    a >>> cas k 0 0 1 {cas}     here the captured word is inserted
    a <<~ VERSION .*            expects a line that matches the regular expression
    a >>- get k                 sends bytes with nothing added
    a <<- abc                   expects exactly these bytes
    b ~~~ get k => VALUE k 0 1 | x | END    repeats the request to b until this is the answer
    a +++ cmd_get 1             this statistic has grown by at least one since the last look
    a === curr_items 1          this statistic has (or soon gets) this value
    a >=> set k flags=5 cas={c} value=x     sends a binary request; fields by name
    a <=< OK set cas={c} value=x            expects a binary response: status, command, some fields
    a.2 >>> get k               a second connection to a
    a.2 close                   closes the connection
    a closed                    the server must close the connection
    a gone                      the same, but it may send something before

Escapes are \\r \\n \\0 \\\\ \\xHH; {x*250} is x 250 times. Anything else is a verb:

    node c -m 64                adds a single node
    pair a b                    two nodes that replicate (a scenario `on: two` starts with them)
    start|stop|kill|pause|cont|restart NAME
    cut, freeze, heal           change the network between the nodes
    linked a b                  waits until both nodes report repl_link streaming
    drained a                   waits until nothing from a is in flight
    same a b                    every key used so far must be equal on both
    load a --fill 1000          runs bench/load against a

The head of a file may have `on: mcd memcached pair` (where it runs; default: all three),
`options: -c 10` (of the nodes), `config: timeout=500` (of the replicating engine).
"""

import os
import re

from harness.report import Failed
from harness.wire import Closed, Timeout, request

STEP = re.compile(r"^(\w+(?:\.\w+)?) (>>>|>>-|<<<|<<~|<<-|~~~|\+\+\+|===|>=>|<=<)(?: (.*))?$")
KEYED = {b"set", b"add", b"replace", b"append", b"prepend", b"cas", b"delete", b"incr", b"decr",
         b"touch", b"get", b"gets"}
PLACES = ("mcd", "pair", "memcached")


class Scenario:
    """A file: its head and its numbered lines."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[:-len(".scn")]
        self.head = {"on": " ".join(PLACES), "options": "", "config": ""}
        self.lines = []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.rstrip("\n")
                head = re.match(r"^(on|options|config): *(.*)$", line)
                if head:
                    self.head[head.group(1)] = head.group(2)
                elif line.strip() and not line.startswith("#"):
                    self.lines.append((number, line))

    @property
    def places(self):
        return self.head["on"].split()


class Player:
    """Plays one scenario in one lab."""

    def __init__(self, lab, scenario, place):
        self.lab, self.scenario, self.place = lab, scenario, place
        self.connections, self.words, self.looks, self.keys = {}, {}, {}, set()
        self.steps = {
            ">>>": lambda who, text: self.send(who, text, b"\r\n"),
            ">>-": lambda who, text: self.send(who, text, b""),
            "<<<": self.expect_line, "<<~": self.expect_match, "<<-": self.expect_bytes,
            "~~~": self.poll, "+++": self.moved, "===": self.stat_is,
            ">=>": self.send_binary, "<=<": self.expect_binary,
        }
        self.verbs = {
            "node": self.add_node, "pair": self.add_pair, "start": self.start, "cut": self.cut,
            "freeze": self.freeze, "heal": self.heal, "linked": self.linked,
            "drained": self.drained, "same": self.same, "load": self.load,
        }
        for verb in ("stop", "kill", "pause", "cont", "restart"):
            self.verbs[verb] = lambda name, verb=verb: self.change(verb, name)

    def play(self):
        options = self.scenario.head["options"].split()
        config = self.scenario.head["config"]
        if self.place == "two":
            self.lab.pair(*options, config=config, proxied=self.uses_network())
        elif self.place == "pair":
            self.lab.pair(*options, config=config)
        elif self.place != "none":
            self.lab.single(*options)
        for name in self.lab.nodes:
            self.look(name)
        for number, line in self.scenario.lines:
            try:
                self.step(line)
            except (Failed, Closed, Timeout, OSError) as error:
                raise Failed("%s.scn:%d: %s: %s" % (self.scenario.name, number, line, error)) from error
        if self.place == "pair":
            self.lab.same(self.lab.nodes["a"], self.lab.nodes["b"], self.keys)
        for connection in self.connections.values():
            connection.close()

    def uses_network(self):
        return any(line.split()[0] in ("cut", "freeze") for _, line in self.scenario.lines)

    def step(self, line):
        match = STEP.match(line)
        if match:
            who, what, text = match.groups()
            self.steps[what](who, text or "")
            return
        words = line.split()
        if len(words) == 2 and words[1] in ("closed", "close", "gone"):
            self.closing(*words)
        elif words[0] in self.verbs:
            self.verbs[words[0]](*words[1:])
        else:
            raise Failed("no such step")

    # ---- words

    def bytes_of(self, text):
        """The bytes that a piece of a scenario denotes."""
        out, place = bytearray(), 0
        for match in re.finditer(r"\\(x[0-9a-fA-F]{2}|.)|\{([^{}]+)\}", text):
            out += text[place:match.start()].encode()
            out += self.escaped(match.group(1)) if match.group(1) else self.braced(match.group(2))
            place = match.end()
        return bytes(out + text[place:].encode())

    @staticmethod
    def escaped(code):
        if len(code) == 3:
            return bytes([int(code[1:], 16)])
        return {"r": b"\r", "n": b"\n", "0": b"\0", "t": b"\t"}.get(code, code.encode())

    def braced(self, text):
        if "*" in text:
            piece, _, count = text.rpartition("*")
            return self.bytes_of(piece) * int(count)
        if text not in self.words:
            raise Failed("{%s} is not known yet" % text)
        return self.words[text]

    def pattern_of(self, text):
        """An expected line as a pattern, and the names that it captures."""
        names, out, place = [], b"", 0
        for match in re.finditer(r"\{(\w+)\}", text):
            out += re.escape(self.bytes_of(text[place:match.start()]))
            name = match.group(1)
            if name in self.words:
                out += re.escape(self.words[name])
            else:
                out += b"([^ ]+)"
                names.append(name)
            place = match.end()
        return re.compile(out + re.escape(self.bytes_of(text[place:])), re.S), names

    # ---- text

    def node(self, name):
        if name not in self.lab.nodes:
            raise Failed("there is no node %s" % name)
        return self.lab.nodes[name]

    def connection(self, who):
        if who not in self.connections:
            self.connections[who] = self.node(who.partition(".")[0]).connect()
        return self.connections[who]

    def send(self, who, text, tail):
        data = self.bytes_of(text)
        words = data.split()
        if words and words[0] in KEYED:
            self.keys.add(words[1].decode(errors="replace")) if len(words) > 1 else None
            if words[0] in (b"get", b"gets"):
                self.keys.update(word.decode(errors="replace") for word in words[2:])
        self.keys = {key for key in self.keys if 0 < len(key) <= 250 and key.isascii()}
        self.connection(who).send(data + tail)

    def expect_line(self, who, text):
        pattern, names = self.pattern_of(text)
        count = self.bytes_of(re.sub(r"\{\w+\}", "", text)).count(b"\r\n")
        line = self.read_line(who)
        for _ in range(count):
            line += b"\r\n" + self.read_line(who)
        match = pattern.fullmatch(line)
        if not match:
            raise Failed("got %r" % line[:200])
        self.words.update(zip(names, match.groups()))

    def read_line(self, who):
        connection = self.connection(who)
        try:
            return connection.line()
        except (Closed, Timeout) as error:
            raise Failed("%s%s" % (error, "; unread: %r" % connection.inbox[:200]
                                   if connection.inbox else "")) from error

    def expect_match(self, who, text):
        line = self.read_line(who)
        if not re.fullmatch(text.encode(), line):
            raise Failed("got %r" % line[:200])

    def expect_bytes(self, who, text):
        wanted = self.bytes_of(text)
        got = self.connection(who).take(len(wanted))
        if got != wanted:
            raise Failed("got %r" % got[:200])

    def poll(self, who, text):
        command, _, wanted = text.partition(" => ")
        lines = [self.bytes_of(line) for line in wanted.split(" | ")]
        node, seen = self.node(who), []

        def says_so():
            seen[:] = node.ask(self.bytes_of(command))
            return seen == lines or (len(lines) == 1 and seen[0] == lines[0])
        try:
            self.lab.until(says_so, "%s says so" % who)
        except Failed as error:
            raise Failed("%s; the answer is %r" % (error, seen)) from error

    def closing(self, who, word):
        connection = self.connection(who)
        if word == "closed" and not connection.is_closed():
            raise Failed("got %r" % connection.inbox[:200])
        while word == "gone" and not connection.is_closed():
            connection.take(len(connection.inbox))
        connection.close()
        del self.connections[who]

    # ---- statistics

    def look(self, name):
        """Remembers the current statistics."""
        self.looks[name] = dict(self.node(name).stats())
        if self.place in ("pair", "two"):
            self.looks[name].update(self.node(name).stats("repl"))

    def moved(self, who, text):
        name, by = text.split()
        before = int(self.looks.get(who, {}).get(name, 0))
        node = self.node(who)
        self.lab.until(lambda: int(node.stat(name)) >= before + int(by),
                       "%s has grown by %s from %d" % (name, by, before))
        self.looks.setdefault(who, {})[name] = node.stat(name)

    def stat_is(self, who, text):
        name, wanted = text.split(" ", 1)
        node, seen = self.node(who), []

        def is_so():
            seen[:] = [node.stat(name)]
            return seen[0] == wanted
        try:
            self.lab.until(is_so, "%s is %s" % (name, wanted))
        except Failed as error:
            raise Failed("%s; its value is %s" % (error, seen[0])) from error

    # ---- binary

    def fields(self, text):
        """`x key flags=1 value=y z` as name, key and fields; a value extends to the
        end."""
        head, mark, value = text.partition("value=")
        words = head.split()
        fields = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        names = [word for word in words[1:] if "=" not in word]
        if mark:
            fields["value"] = value
        return words[0], names, fields

    def send_binary(self, who, text):
        name, names, fields = self.fields(text)
        fields = {key: self.bytes_of(value) for key, value in fields.items()}
        key = self.bytes_of(names[0]) if names else b""
        value = fields.pop("value", b"")
        numbers = {name: int(text, 0) for name, text in fields.items() if name != "extras"}
        if "extras" in fields:
            numbers["extras"] = bytes.fromhex(fields["extras"].decode())
        if 0 < len(key) <= 250 and key.isascii() and b" " not in key:
            self.keys.add(key.decode())
        self.connection(who).send(request(name, key, value, **numbers))

    def expect_binary(self, who, text):
        status, names, fields = self.fields(text)
        response = self.connection(who).response()
        wrong = [] if response.status == status else ["status"]
        if names and names[0] != response.command:
            wrong.append("command")
        for name, wanted in fields.items():
            got = getattr(response, name)
            taken = re.fullmatch(r"\{(\w+)\}", wanted)
            if taken and taken.group(1) not in self.words:
                self.words[taken.group(1)] = str(got).encode()
            elif isinstance(got, bytes) and got != self.bytes_of(wanted):
                wrong.append(name)
            elif not isinstance(got, bytes) and str(got).encode() != self.bytes_of(wanted):
                wrong.append(name)
        if wrong:
            raise Failed("wrong %s: got %s" % (", ".join(wrong), response))

    # ---- verbs

    def add_node(self, name, *options):
        self.lab.single(*options, name=name)
        self.look(name)

    def add_pair(self, first, second):
        self.lab.pair(names=(first, second), config=self.scenario.head["config"])

    def start(self, name, *options):
        self.node(name).start(*options)

    def change(self, verb, name):
        getattr(self.node(name), verb)()

    def cut(self):
        for proxy in self.lab.proxies:
            proxy.cut()

    def freeze(self):
        for proxy in self.lab.proxies:
            proxy.freeze()

    def heal(self):
        for proxy in self.lab.proxies:
            proxy.heal()

    def linked(self, *names):
        self.lab.linked(*[self.node(name) for name in names])

    def drained(self, name):
        self.lab.drained(self.node(name))

    def same(self, first, second):
        self.lab.same(self.node(first), self.node(second), self.keys)

    def load(self, name, *options):
        self.lab.run_load(self.node(name), *options)
