"""Certificates for tests, made with the openssl program."""

import os
import ssl
import subprocess

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Authority:
    """Signs certificates. Its files are in the folder and begin with its name."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name = folder, name
        self.key, self.certificate = self.path(name + ".key"), self.path(name + ".pem")
        openssl("req", "-x509", *CURVE, "-nodes", "-days", "2", "-subj", "/CN=" + name,
                "-keyout", self.key, "-out", self.certificate)

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, *more):
        """A certificate for localhost and its key: two paths."""
        key, certificate = self.path(name + ".key"), self.path(name + ".pem")
        openssl("req", "-x509", *CURVE, "-days", "2", "-subj", "/CN=%s" % name,
                "-addext", "subjectAltName=DNS:localhost", "-CA", self.certificate, "-CAkey",
                self.key, "-keyout", key, "-out", certificate, *(more or ("-nodes",)))
        return certificate, key

    def client(self, pair=None, version=None):
        """What clients use that trust this authority. pair: a certificate of their own."""
        context = ssl.create_default_context(cafile=self.certificate)
        if pair:
            context.load_cert_chain(*pair)
        if version:
            context.minimum_version = context.maximum_version = version
        return context
