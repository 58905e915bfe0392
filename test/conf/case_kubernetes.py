"""conf/kubernetes/, without a cluster: its fields against the API's own models, its HAProxy
configuration by HAProxy, what must agree between its parts, and a roll-out played with two local
nodes in the order in which a StatefulSet does it."""

import http.client
import os
import re
import shutil
import stat
import subprocess
import threading
import time

from harness.lab import free_port
from harness.report import Skip
from harness.wire import Closed, Timeout

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    "conf", "kubernetes", "mcd.yaml")
SIMPLE = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def objects():
    try:
        import yaml
    except ImportError:
        raise Skip("python3-yaml is not installed") from None
    with open(PATH, encoding="utf-8") as file:
        return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(file)}


def check(models, value, kind, where):
    """Raises if the value has a field that the API does not know, or one of another type."""
    listed, mapped = re.fullmatch(r"list\[(.*)\]", kind), re.fullmatch(r"dict\(str, (.*)\)", kind)
    if listed:
        assert isinstance(value, list), where
        for number, each in enumerate(value):
            check(models, each, listed[1], "%s[%d]" % (where, number))
    elif mapped:
        assert isinstance(value, dict), where
        for key, each in value.items():
            check(models, each, mapped[1], "%s.%s" % (where, key))
    elif kind in SIMPLE:
        assert isinstance(value, SIMPLE[kind]), "%s is not of type %s: %r" % (where, kind, value)
    elif hasattr(models, kind):
        check_model(models, value, getattr(models, kind), where)
    else:
        assert kind == "object", "%s: unknown type %s" % (where, kind)  # a number or a name: ports


def check_model(models, value, model, where):
    assert isinstance(value, dict), "%s is not an object" % where
    names = {outer: inner for inner, outer in model.attribute_map.items()}
    for field, each in value.items():
        assert field in names, "%s has no field %s in the API" % (where, field)
        check(models, each, model.openapi_types[names[field]], where + "." + field)


def kinds(models, each):
    """The model of an object: V1StatefulSet of apps/v1."""
    return getattr(models, each["apiVersion"].rsplit("/", 1)[-1].capitalize() + each["kind"])


def models_of_api():
    try:
        from kubernetes.client import models
    except ImportError:
        raise Skip("python3-kubernetes is not installed") from None
    return models


def case_fields(lab):
    """Every field exists in the API and has its type; and a wrong one is noticed."""
    del lab
    models, found = models_of_api(), objects()
    for (kind, name), each in found.items():
        check(models, each, kinds(models, each).__name__, "%s %s" % (kind, name))
    broken = found["StatefulSet", "mcd"]
    for change in (lambda spec: spec.update(replica=2), lambda spec: spec.update(replicas="two")):
        spec = dict(broken["spec"])
        change(spec)
        try:
            check(models, dict(broken, spec=spec), "V1StatefulSet", "broken")
        except AssertionError:
            continue
        raise AssertionError("a wrong field was not noticed")
    return "%d objects" % len(found)


def case_parts_agree(lab):
    """Selectors find their pods, names are those of the Service, ports those of the containers."""
    del lab
    found = objects()
    nodes, proxies = found["StatefulSet", "mcd"]["spec"], found["Deployment", "mcd-proxy"]["spec"]
    for spec in (nodes, proxies):
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert found["Service", "mcd-nodes"]["spec"]["selector"] == nodes["selector"]["matchLabels"]
    assert found["Service", "mcd"]["spec"]["selector"] == proxies["selector"]["matchLabels"]
    assert found["PodDisruptionBudget", "mcd"]["spec"]["selector"] == nodes["selector"]
    assert nodes["serviceName"] == "mcd-nodes" and nodes["replicas"] == 2
    container, = nodes["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {port["name"]: port["port"] for port in found["Service", "mcd-nodes"]["spec"]["ports"]}
    assert "0.0.0.0:%d" % ports["http"] in container["command"][2]
    memory = int(re.search(r"-m (\d+)", container["command"][2])[1])
    limit = int(container["resources"]["limits"]["memory"][:-2])
    assert memory * 5 // 4 <= limit, "items %d MB, limit %d MiB" % (memory, limit)
    config = found["ConfigMap", "mcd-proxy"]["data"]["haproxy.cfg"]
    for number in range(2):
        assert config.count("mcd-%d.mcd-nodes:11211" % number) == 2, config


def case_scripts(lab):
    """The shell finds the peer's name by the pod's own one; preStop is a script that it can read."""
    del lab
    container, = objects()["StatefulSet", "mcd"]["spec"]["template"]["spec"]["containers"]
    for number, peer in ((0, 1), (1, 0)):
        script = container["command"][2].replace("exec mcd", "echo mcd")
        said = subprocess.check_output(["/bin/sh", "-c", script], env={"HOSTNAME": "mcd-%d" % number}).decode()
        assert " peer=mcd-%d.mcd-nodes;" % peer in said, said
    stop = container["lifecycle"]["preStop"]["exec"]["command"]
    subprocess.run(["/bin/sh", "-n", "-c", stop[2]], check=True)


def case_haproxy(lab):
    """HAProxy takes the configuration, and it is the one of conf/scale/."""
    config = objects()["ConfigMap", "mcd-proxy"]["data"]["haproxy.cfg"]
    if not shutil.which("haproxy"):
        raise Skip("haproxy is not installed")
    path = os.path.join(lab.folder, "haproxy.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(config)
    done = subprocess.run(["haproxy", "-c", "-f", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    assert done.returncode == 0, done.stdout.decode()
    shipped = os.path.join(os.path.dirname(os.path.dirname(PATH)), "scale", "haproxy-http.cfg")
    with open(shipped, encoding="utf-8") as file:
        wanted = directives(file.read().replace("10.0.0.1", "mcd-0.mcd-nodes").replace("10.0.0.2", "mcd-1.mcd-nodes"))
    missing = wanted - directives(config) - {"bind 127.0.0.1:11311"}
    assert not missing, missing


def directives(text):
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return {line for line in lines if line}


class Writer(threading.Thread):
    """Writes without a pause to the node that takes writes, as through HAProxy."""

    def __init__(self, nodes):
        super().__init__(daemon=True)
        self.nodes, self.stored, self.over = list(nodes), [], False

    def run(self):
        connection = None
        while not self.over:
            key = "w%d" % len(self.stored)
            try:
                connection = connection or self.nodes[0].connect(2.0)
                if connection.store(key, "value of " + key) == "STORED":
                    self.stored.append(key)
                    time.sleep(0.002)  # limits the rate
                    continue
            except (Closed, Timeout, OSError):
                pass
            if connection:
                connection.close()
            connection = None
            self.nodes.reverse()
            time.sleep(0.005)  # limits the rate of attempts


def is_ready(port, probe):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", probe["httpGet"]["path"])
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def pre_stop(lab, node, command):
    """The hook, with a mcreplctl that finds this node, as in a pod, where it is the only one."""
    folder = os.path.join(lab.folder, "bin-" + node.name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "mcreplctl"), "w", encoding="ascii") as file:
        file.write('#!/bin/sh\nexec %s -s %s "$@"\n' % (lab.build.mcreplctl, node.socket))
        os.fchmod(file.fileno(), stat.S_IRWXU)
    environment = dict(lab.environment, PATH=folder + ":" + lab.environment["PATH"])
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=90, check=False)
    assert done.returncode == 0, done.stdout.decode()


def case_roll_out(lab):
    """Twice: mcd-1, then mcd-0: preStop, SIGTERM, a new process, ready. Each node is once the active
    one that goes first. No write that was acknowledged is lost: the link takes its time, and a new node finds its peer late, so an empty one is alone and
    calls itself fit."""
    container, = objects()["StatefulSet", "mcd"]["spec"]["template"]["spec"]["containers"]
    probe, stop = container["readinessProbe"], container["lifecycle"]["preStop"]["exec"]["command"]
    nodes = lab.add_pair("-m", "256", config="standby_writes=alone;cold_wait=1", proxied=True)
    for proxy in lab.proxies:
        proxy.delay = 0.05
    ports = {}
    for node in nodes:
        ports[node.name] = free_port()
        node.command += ["--http", str(ports[node.name])]
        node.start()

    def ready():
        return all(is_ready(port, probe) for port in ports.values())

    lab.until(ready, "both nodes are ready")
    for number in range(2000):
        assert nodes[0].client().store("k%d" % number, "v" * 1000) == "STORED"
    writer = Writer(nodes)
    writer.start()
    actives = []
    for node in nodes[::-1] * 2:
        lab.until(lambda: len(writer.stored) > 100, "the writer works")
        actives.append(node.stat("repl_role") == "active")
        pre_stop(lab, node, stop)
        node.stop()
        count = len(writer.stored)
        lab.until(lambda count=count: len(writer.stored) > count + 100, "the other node takes writes")
        for proxy in lab.proxies:
            proxy.cut()
        node.start()
        lab.until(lambda node=node: node.stat("repl_fit") == "1", "a node is fit, alone and empty")
        assert not is_ready(ports[node.name], probe), "Kubernetes would take the other node away"
        for proxy in lab.proxies:
            proxy.heal()
        lab.until(ready, "both nodes are ready again", 30)
    writer.over = True
    writer.join(10)
    assert actives == [False, True, True, True], actives
    for node in nodes:
        lab.drained(node)
        keys = writer.stored + ["k%d" % number for number in range(2000)]
        lost = [key for key in keys if not node.client().item(key)]
        assert not lost, "%d of %d keys are lost at %s: %s" % (len(lost), len(keys), node.name, lost[:5])
    return "%d acknowledged writes through four replacements, %d of them of an active node; none lost" % (
        len(writer.stored), actives.count(True))


def lost_without_the_other(lab, command):
    """The active node is to end while the other one is not there, and comes a second later. Returns
    which keys clients then miss."""
    a, b = lab.add_pair("-m", "64", config="standby_writes=alone;cold_wait=1")
    a.start()
    keys = ["k%d" % number for number in range(1000)]
    for key in keys:
        assert a.client().store(key, "v" * 100) == "STORED"
    assert a.stat("repl_role") == "active"

    def end():
        pre_stop(lab, a, command)
        a.stop()
    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    ending.join(1.0)
    b.start()
    ending.join(90 * lab.build.slowness)
    assert not ending.is_alive() and not a.process, "the node did not end"
    lost = [key for key in keys if not b.client().item(key)]
    b.stop()
    return lost


def case_pre_stop(lab):
    """A pod is deleted while the other one is on its way: preStop waits for it, fills it and hands the
    role over, so nothing is lost. A manifest without preStop loses all of it: so this case can fail."""
    container, = objects()["StatefulSet", "mcd"]["spec"]["template"]["spec"]["containers"]
    lost = lost_without_the_other(lab, container["lifecycle"]["preStop"]["exec"]["command"])
    assert not lost, "%d keys are lost with preStop" % len(lost)
    lost = lost_without_the_other(lab, ["true"])
    assert len(lost) == 1000, "without preStop only %d keys are lost: this case proves nothing" % len(lost)
