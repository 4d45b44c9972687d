"""Writes TF Serving's --ssl_config_file, which is for gRPC only: for REST with TLS, put a proxy in front.

python export/serving/write_ssl_config.py server.key server.crt [ca.crt] > ssl.config

With ca.crt, only clients with a certificate from that authority are served. The file holds the key: keep it secret.
"""

import json
import pathlib
import sys


def main() -> None:
    """Prints the text proto of the files that are named as arguments."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    for field, file in zip(("server_key", "server_cert", "custom_ca"), sys.argv[1:], strict=False):
        # Strings of text protos take the escapes of JSON.
        print(f"{field}: {json.dumps(pathlib.Path(file).read_text(encoding='ascii'))}")
    if len(sys.argv) == 4:
        print("client_verify: true")


if __name__ == "__main__":
    main()
