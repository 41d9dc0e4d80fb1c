"""Certificates for tests of TLS."""
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_certificates(folder):
    """An authority (ca.pem), and certificates of it for the server and for alice: NAME.pem and NAME.key. The folder."""
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    (folder / "alice.ext").write_text("extendedKeyUsage=clientAuth\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority",
            "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    for name, subject in (("server", "/CN=127.0.0.1"), ("alice", "/O=Example/CN=alice")):
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", folder / f"{name}.key",
                "-out", folder / f"{name}.csr")
        openssl("x509", "-req", "-days", "2", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem",
                "-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile", folder / f"{name}.ext",
                "-out", folder / f"{name}.pem")
    return folder
