"""A certificate that nobody has signed but itself."""

import subprocess
from pathlib import Path


def own_certificate(folder: Path, address: str) -> dict[str, str]:
    """Write a certificate for an IP address and its key, for a day; return them as parameters."""
    files = {"tls_certificate": str(folder / "certificate.pem"), "tls_key": str(folder / "key.pem")}
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "1", "-subj", "/CN=drift", "-addext", f"subjectAltName=IP:{address}"]
    command += ["-out", files["tls_certificate"], "-keyout", files["tls_key"]]
    subprocess.run(command, check=True, capture_output=True)
    return files
