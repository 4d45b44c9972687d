"""SWAG: which of four sentences goes on with a scene; 73,546 / 20,006 rows. No figure was measured.

Files: train.csv and val.csv of the release (github.com/rowanz/swagaf, data/). The prompt is the column startphrase,
the choices are ending0 to ending3. The settings are those of Devlin et al. 2018, section 4.4. A training file whose
row holds an ending twice is refused with its line.
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
