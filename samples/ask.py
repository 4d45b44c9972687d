"""Asks a served model: python samples/ask.py ADDRESS MODEL TEXT [TEXT …]"""

import sys

from tfbert.serving import Client

if __name__ == "__main__":
    address, model, *texts = sys.argv[1:]
    with Client(address, model=model, timeout=10) as client:
        for text, answer in zip(texts, client.predict(texts), strict=True):
            print(f"{answer['label']:18} {max(answer['probabilities']):.2f}  {text}")
