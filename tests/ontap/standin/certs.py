# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate authority of the test's own, by openssl: ca.pem, server.pem, client-USER.pem.

other-ca.pem signed nothing: with it, clients must refuse the server. Keys are in *.key.
"""
import ipaddress
import os
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_authority(directory, name):
    key, certificate = os.path.join(directory, name + ".key"), os.path.join(directory, name + ".pem")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", certificate, "-days", "30", "-subj", f"/CN=ontap test {name}",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def make_certificate(directory, name, common_name, extension):
    key, request, certificate = (os.path.join(directory, name + ending)
                                 for ending in (".key", ".csr", ".pem"))
    extensions = os.path.join(directory, name + ".ext")
    with open(extensions, "w", encoding="ascii") as file:
        file.write(extension + "\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
            "-out", request, "-subj", f"/CN={common_name}")
    openssl("x509", "-req", "-in", request, "-CA", os.path.join(directory, "ca.pem"), "-CAkey",
            os.path.join(directory, "ca.key"), "-CAcreateserial", "-days", "30", "-out", certificate,
            "-extfile", extensions)
    os.unlink(request)
    os.unlink(extensions)


def name_of(host):
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"


def make(directory, hosts, users):
    """All that a test needs, in DIRECTORY: for servers on HOSTS and for the client login of USERS."""
    os.makedirs(directory, exist_ok=True)
    make_authority(directory, "ca")
    make_authority(directory, "other-ca")
    names = ",".join(sorted({name_of(host) for host in hosts}))
    make_certificate(directory, "server", "ontap test server", f"subjectAltName={names}")
    for user in users:
        make_certificate(directory, f"client-{user}", user, "extendedKeyUsage=clientAuth")
