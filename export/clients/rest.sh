#!/bin/sh
# Asks a served model for a prediction over REST: sh export/clients/rest.sh http://localhost:8501 MODEL TEXT
# The text becomes a JSON string: backslashes, quotation marks and tabs are escaped, line breaks become spaces.
set -eu
escape() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/\\t/g' | tr '\n\r' '  '; }
curl --silent --show-error --fail-with-body --max-time 10 \
  --data "{\"instances\": [\"$(escape "$3")\"]}" "$1/v1/models/$2:predict"
