"""What the log of a pretraining run measures."""

from types import SimpleNamespace

from tfbert import BertEncoder
from tfbert.runs.logs.pretrain_log import PretrainLog


def test_the_log_takes_the_mean_length_and_predictions_of_the_batches(tmp_path, tiny_config):
    """MFU: the arithmetic of what was trained in a second, over the peak."""
    batches = SimpleNamespace(
        tokens_per_step=32 * 100, batch_size=32, max_predictions=20, masking=SimpleNamespace(rate=0.15)
    )
    encoder = BertEncoder(tiny_config)
    plan = {"total_steps": 4, "per_round": 2, "every": 1, "shown": False}
    log = PretrainLog(tmp_path, batches, SimpleNamespace(step=0), peak_flops=1e9, **plan)
    log.set_model(
        SimpleNamespace(
            flops_per_token=encoder.flops_per_token,
            optimizer=SimpleNamespace(learning_rate=0.1),
            reset_metrics=lambda: None,
        )
    )
    values = log.measures({"loss": 1.0, "mlm_loss": 1.0, "mlm_accuracy": 0.5}, tokens_per_second=50.0)
    log.close()
    assert values["model_flops_utilization"] == 50 * encoder.flops_per_token(100, 15) / 1e9
