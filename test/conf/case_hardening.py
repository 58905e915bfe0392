"""The hardening options of compiler and linker, as visible in the programs and
modules."""

import os
import re
import shutil
import subprocess

from harness.report import Skip


def makefile(lab, name):
    """The value of a variable of the build's Makefile."""
    with open(os.path.join(lab.build.folder, "Makefile"), encoding="utf-8") as file:
        return re.search(r"^%s = ?(.*)$" % name, file.read(), re.M).group(1)


def outputs(lab):
    build = lab.build
    return build.mcd, build.mcreplctl, build.default_engine, build.repl_engine


def readelf(path, *options):
    return subprocess.run(["readelf", "-W", *options, path], stdout=subprocess.PIPE, check=True,
                          stderr=subprocess.STDOUT, text=True, timeout=60).stdout


def hardened(lab):
    """The flags of a hardened build."""
    if lab.build.sanitized or not makefile(lab, "HARDEN_CFLAGS").strip():
        raise Skip("built without hardening")
    if not shutil.which("readelf"):
        raise Skip("readelf is not installed")
    return makefile(lab, "HARDEN_CFLAGS")


def case_memory_is_guarded(lab):
    """Position-independent code, RELRO, no executable stack, canaries."""
    flags = hardened(lab)
    for path in outputs(lab):
        said = readelf(path, "-h", "-l", "-d", "--dyn-syms")
        wanted = [r"Type: +DYN", r"FLAGS_1\).*\bNOW\b", r"GNU_RELRO", r"GNU_STACK.* RW +0x",
                  r"__stack_chk_fail"]
        if not path.endswith(".so"):
            wanted.append(r"FLAGS_1\).*\bPIE\b")
        if "FORTIFY" in flags:
            wanted.append(r"__[a-z]+_chk@")
        for pattern in wanted:
            assert re.search(pattern, said), "%s: no %s" % (path, pattern)
        assert not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", said), path


def marks(text):
    found = re.search(r"x86 feature: (.*)", text)
    return set(found.group(1).split(", ")) if found else set()


def case_jumps_are_guarded(lab):
    """Intel's CET. For branch targets (IBT) the C library's start files must have the
    mark, too."""
    if "-fcf-protection" not in hardened(lab):
        raise Skip("the compiler does not support -fcf-protection")
    start = subprocess.run(["gcc", "-print-file-name=crti.o"], stdout=subprocess.PIPE, check=True, text=True)
    wanted = {"SHSTK"} | marks(readelf(start.stdout.strip(), "-n"))
    for path in outputs(lab):
        assert marks(readelf(path, "-n")) >= wanted, "%s: %s" % (path, marks(readelf(path, "-n")))
    for folder, _, names in os.walk(os.path.join(lab.build.folder, "store")):
        for name in names:
            if name.endswith(".o"):
                path = os.path.join(folder, name)
                assert marks(readelf(path, "-n")) == {"IBT", "SHSTK"}, path
    return ", ".join(sorted(wanted))


def case_no_path_of_the_builder(lab):
    """Builds in two places are identical: neither the programs nor their debug
    information says where they were built."""
    if not makefile(lab, "REPRODUCIBLE_CFLAGS").strip():
        raise Skip("the compiler does not support -ffile-prefix-map")
    places = {makefile(lab, name) for name in ("abs_top_srcdir", "abs_top_builddir")}
    for path in outputs(lab):
        with open(path, "rb") as file:
            content = file.read()
        for place in places:
            at = content.find(place.encode())
            assert at < 0, "%s: %r" % (path, content[at:at + 100])


def case_few_libraries(lab):
    """The only libraries are those of doc/dependencies.md and the C library's own. The store and the
    tools need no OpenSSL, and only mcd needs liburing."""
    allowed = {"libc", "libm", "libevent_core-2", "libevent_extra-2", "libjansson", "ld-linux-x86-64",
               "ld-linux-aarch64"}
    if lab.build.sanitized:
        raise Skip("built with a sanitizer")
    for path in outputs(lab):
        needed = {name.split(".")[0] for name in re.findall(r"\(NEEDED\).*\[(.*)\]", readelf(path, "-d"))}
        name = os.path.basename(path)
        needed -= {"libcrypto", "libssl"} if name in ("mcd", "repl_engine.so") else set()
        needed -= {"liburing"} if name == "mcd" else set()
        assert needed <= allowed, "%s: %s" % (path, sorted(needed - allowed))
