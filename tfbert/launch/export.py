"""Writes a SavedModel that takes strings, into a version folder that `tfbert serve` and TF Serving read:

tfbert export --model=runs/mine --out=served/mine/1
"""

import pathlib

from absl import flags

from tfbert import models
from tfbert.errors import ConfigError

_MODEL = flags.DEFINE_string("model", None, "Run folder, or model folder.", required=True)
_OUT = flags.DEFINE_string("out", None, "Version folder: NAME/1, NAME/2, …", required=True)


def main(argv):
    out = pathlib.Path(_OUT.value)
    if not out.name.isdecimal():
        raise ConfigError(f"--out={out} must end with a version number, such as {out / '1'}: servers look for it")
    models.load(_MODEL.value).export(out)
    print(f"{out}: serve it with tfbert serve --model={out.parent}")
