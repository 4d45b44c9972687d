"""Writes TF Serving's --ssl_config_file (gRPC; REST has no TLS in TF Serving, a proxy before it does).

python export/serving/write_ssl_config.py server.key server.crt [ca.crt] > ssl.config

With ca.crt, only clients with a certificate of that authority are served. The file holds the key.
"""

import json
import pathlib
import sys


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    for field, file in zip(("server_key", "server_cert", "custom_ca"), sys.argv[1:], strict=False):
        # A text proto's string has the escapes of JSON's.
        print(f"{field}: {json.dumps(pathlib.Path(file).read_text(encoding='ascii'))}")
    if len(sys.argv) == 4:
        print("client_verify: true")


if __name__ == "__main__":
    main()
