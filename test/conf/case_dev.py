"""./dev where there is no apt-get: it names the commands and modules that are missing."""

import os
import subprocess

DEV = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "dev")


def case_off_debian(lab):
    """On a machine with all commands of this one but four."""
    folder = os.path.join(lab.folder, "bin")
    os.mkdir(folder)
    for place in ("/usr/bin", "/bin"):
        for name in os.listdir(place):
            if name not in ("apt-get", "dpkg-query", "libtoolize", "pkg-config") and \
                    not os.path.lexists(os.path.join(folder, name)):
                os.symlink(os.path.join(place, name), os.path.join(folder, name))
    done = subprocess.run([DEV, "build"], env=dict(lab.environment, PATH=folder), check=False, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = done.stdout.decode()
    assert done.returncode == 1 and "this is not Debian" in said, said
    for missing in (" libtoolize", " pkg-config", " libevent (pkg-config)"):
        assert missing in said, said
    assert "gcc" not in said and "autoconf" not in said, said
