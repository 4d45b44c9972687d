"""SWAG: which of four sentences continues a scene; 73,546 / 20,006 rows. Not run.

Files: train.csv and val.csv of the release (github.com/rowanz/swagaf, data/). The prompt is the column startphrase,
the choices are ending0 to ending3. The settings are those of Devlin et al. 2018, section 4.4. A row of the
training file with the same ending twice is an error that names its line.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="multiple_choice",
        train="train.csv",
        dev="val.csv",
        epochs=3,
        batch_size=16,
        learning_rate=2e-5,
    )
