"""What the log of a pretraining run measures."""

from __future__ import annotations

import math
from typing import Any

from tfbert.runs.logs.run_log import RunLog


class PretrainLog(RunLog):
    """Loss, MLM accuracy and perplexity, NSP accuracy, gradient norm, learning rate and non-padding tokens a second.

    Where the device's peak is stated, also the share of it that the model's arithmetic is (model FLOPs utilization;
    Chowdhery et al. 2022, appendix B).

    Args:
        peak_flops: floating-point operations that the device does in a second at most; 0 where it is not known.
    """

    description = "pretrain"

    def __init__(self, *args: Any, peak_flops: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.peak_flops = peak_flops

    def tokens(self, before: int, after: int) -> float:
        return (after - before) * self.batches.tokens_per_step

    def measures(self, logs: dict[str, Any], tokens_per_second: float) -> dict[str, float]:
        values = {name: float(value) for name, value in logs.items()}
        values["mlm_perplexity"] = math.exp(min(values["mlm_loss"], 700.0))
        values["learning_rate"] = float(self.model.optimizer.learning_rate)
        values["tokens_per_second"] = tokens_per_second
        if self.peak_flops:
            values["model_flops_utilization"] = tokens_per_second * self._flops_per_token() / self.peak_flops
        logs["interval_loss"] = values["loss"]  # `BlowUpGuard` comes next
        self.model.reset_metrics()
        return values

    def line(self, step: int, values: dict[str, float]) -> dict[str, Any]:
        # NaN is no JSON; a run that has come to it stops right after.
        return {"step": step, **{name: value for name, value in values.items() if math.isfinite(value)}}

    def shown(self, values: dict[str, float]) -> dict[str, str]:
        return {
            "loss": f"{values['loss']:.3f}",
            "mlm": f"{values['mlm_accuracy']:.3f}",
            **({"rtd": f"{values['rtd_accuracy']:.3f}"} if "rtd_accuracy" in values else {}),
            "tokens/s": f"{values['tokens_per_second']:,.0f}",
        }

    def shown_evaluation(self, values: dict[str, float], logs: dict[str, Any]) -> str:
        held_out = "  ".join(f"{name.removeprefix('val_')} {value:.4g}" for name, value in values.items())
        return f"step {self.state.step:,}: held out {held_out}"

    def _flops_per_token(self):
        """Floating-point operations that training takes for a non-padding token."""
        length = self.batches.tokens_per_step / self.batches.batch_size
        predictions = min(self.batches.max_predictions, self.batches.masking.rate * length)
        return self.model.flops_per_token(length, predictions)
