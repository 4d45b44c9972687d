"""SemEval-2010 Task 8: relations between two nominals, 19 labels, 8,000 training sentences, 2,717 for testing.

The release has no dev set; the test file is used for it, as in most published results. TRAIN_FILE.TXT and
TEST_FILE_FULL.TXT are those of the full release, as they are or gzipped.

MiniLM-L6: official macro-F1 0.846, one seed.
"""

from tfbert.runs.configs.finetune import finetune_config


def get_config():
    return finetune_config(
        task="relation_extraction",
        train="TRAIN_FILE.TXT",
        dev="TEST_FILE_FULL.TXT",
        format="semeval",
        epochs=5,
        batch_size=32,
        learning_rate=5e-5,
    )
