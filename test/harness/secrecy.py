"""How the pairs of a run protect their link. MCD_SECRET chooses for all pairs that do not say
it themselves: secret, certificates, or nothing."""

import hashlib
import hmac
import os
import socket
import subprocess

from .certificates import Authority

OPENSSL_CLIENT = [b"openssl", b"s_client", b"-quiet", b"-no_ign_eof", b"-nocommands", b"-tls1_3"]
TAG = 8  # bytes of a name that tell which secret


def digest(secret, *words):
    return hmac.new(secret, b"".join(words), hashlib.sha256).digest()


def draw(size, head=b""):
    """Random bytes without zeros, because openssl takes a name as a word of its command line."""
    while b"\0" in (found := os.urandom(size)) or b"\0" in digest(found, b"tag")[:TAG]:
        pass
    return head + found


def write_secret(path, *secrets):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.writelines(secret.hex() + "\n" for secret in secrets)


class Secrecy:
    """The secret, or the certificates, of a lab's pairs."""

    def __init__(self, folder, kind=None):
        self.folder, self.kind = folder, os.environ.get("MCD_SECRET", "") if kind is None else kind
        self.path = os.path.join(folder, "secret")
        if self.kind == "secret":
            self.secret = draw(32)
            write_secret(self.path, self.secret)
        elif self.kind == "certificates":
            self.authority = Authority(folder, "pair")
            self.pair = self.authority.issue("node")
            os.chmod(self.pair[1], 0o600)

    def words(self):
        """Options of the engine."""
        if self.kind == "secret":
            return ["secret_file=" + self.path]
        if self.kind == "certificates":
            return ["tls_cert=" + self.pair[0], "tls_key=" + self.pair[1],
                    "tls_ca=" + self.authority.certificate]
        return []

    def proof(self):
        """What the openssl program needs to speak as one of the pair."""
        if self.kind == "secret":
            name = draw(16, digest(self.secret, b"tag")[:TAG])
            return [b"-psk_identity", name, b"-psk", digest(self.secret, b"key", name).hex().encode()]
        return [b"-cert", os.fsencode(self.pair[0]), b"-key", os.fsencode(self.pair[1])]

    def connect(self, port):
        """A socket to a node's replication port, behind the encryption."""
        if not self.kind:
            return socket.create_connection(("127.0.0.1", port), 5)
        near, far = socket.socketpair()
        with far:
            subprocess.Popen(OPENSSL_CLIENT + [b"-connect", b"127.0.0.1:%d" % port] + self.proof(),
                             stdin=far, stdout=far, stderr=subprocess.DEVNULL)
        return near  # the program ends when this is closed
