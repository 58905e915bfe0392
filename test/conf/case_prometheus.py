"""conf/prometheus/ and conf/grafana/: by promtool, and against what a node really says."""

import http.client
import json
import os
import re
import shutil
import subprocess

from harness.lab import free_port
from harness.report import Failed, Skip

CONF = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "conf")
RULES = os.path.join(CONF, "prometheus", "mcd.rules.yml")
DASHBOARD = os.path.join(CONF, "grafana", "mcd.json")
ALERTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "alerts.yml")


def promtool(*words):
    if shutil.which("promtool") is None:
        raise Skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run(["promtool", *words], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Failed(done.stdout.decode())


def case_rules(_):
    promtool("check", "rules", RULES)


def case_remedies(_):
    """The documents say what to do at each alert."""
    with open(RULES, encoding="utf-8") as rules:
        alerts = re.findall(r"alert: (\w+)", rules.read())
    path = os.path.join(os.path.dirname(CONF), "doc", "monitoring.md")
    with open(path, encoding="utf-8") as file:
        rows = re.findall(r"^\| (Mcd\w+) \|", file.read(), re.M)
    assert alerts and sorted(rows) == sorted(alerts), "%s, %s" % (rows, alerts)


def case_alerts(lab):
    """Each alert comes when it should, and is silent over a healthy pair."""
    path = os.path.join(lab.folder, "alerts.yml")
    with open(ALERTS, encoding="utf-8") as source, open(path, "w", encoding="utf-8") as copy:
        copy.write(source.read().replace("RULES", RULES))
    with open(RULES, encoding="utf-8") as rules, open(path, encoding="utf-8") as tests:
        tested = tests.read()
        for name in re.findall(r"alert: (\w+)", rules.read()):
            assert "alertname: %s\n" % name in tested, "%s is not tested" % name
    promtool("test", "rules", path)


def expressions():
    with open(RULES, encoding="utf-8") as rules:
        yield from re.findall(r"expr: (.*)", rules.read())
    with open(DASHBOARD, encoding="utf-8") as dashboard:
        for panel in json.load(dashboard)["panels"]:
            for target in panel.get("targets", ()):
                yield target["expr"]


def case_names_exist(lab):
    """Rules and dashboard ask for nothing that a node does not have."""
    port = free_port()
    a, b = lab.add_pair()
    a.command += ["--http", str(port)]
    a.start()
    b.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")
    samples = set(re.findall(r"^(mcd_\w+)", connection.getresponse().read().decode(), re.M))
    connection.close()
    for expression in expressions():
        for name in re.findall(r"mcd_\w+", expression):
            assert name in samples, "%s: a node has no %s" % (expression, name)
