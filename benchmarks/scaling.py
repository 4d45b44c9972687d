"""What pretraining takes on machines that are not at hand: arithmetic from FLOPs, bytes and link speeds, not measured.

A step is the products of its matrices at a share of the peak, then a ring all-reduce of the gradients that nothing
hides: 2 (n - 1) / n times their bytes through each device's link (Patarasuk & Yuan 2009). Left out: input, evaluation,
checkpoints, LayerNorm and softmax (part of the share), stragglers.

python benchmarks/scaling.py
"""

import dataclasses

from tfbert import BertConfig, BertEncoder

# steps, rows of a batch, tokens of a row, predictions of a row
RECIPES = {
    "BERT-Base (Devlin et al. 2018)": ("base", [(900_000, 256, 128, 20), (100_000, 256, 512, 80)]),
    "BERT-Large, LAMB (You et al. 2019)": ("large", [(7_038, 65_536, 128, 20), (1_563, 32_768, 512, 80)]),
}
PARAMETERS = {"base": 110e6, "large": 335e6}  # with the heads
GRADIENT_BYTES = 4  # float32, also with mixed_bfloat16
FULL_ROWS = 1024  # tokens that a device needs at once to reach its share of the peak


@dataclasses.dataclass(frozen=True)
class Machine:
    devices: int
    peak: float  # FLOP/s of bfloat16, data sheet
    share: float  # of the peak in products of matrices: what BERT implementations publish
    link: float  # bytes/s of a device's slowest link, each way, four fifths of the data sheet's


MACHINES = {
    "8 A100, NVLink": Machine(8, 312e12, 0.4, 240e9),
    "256 A100, 200 Gb/s each": Machine(256, 312e12, 0.4, 20e9),
    "TPU v5e-256": Machine(256, 197e12, 0.4, 40e9),
}


def days(size, phases, machine):
    """Days of all phases, the share of them that all-reduces take, and the fewest rows on a device."""
    encoder = BertEncoder(BertConfig.of_size(size))  # without weights
    computing = summing = 0.0
    for steps, rows, length, predictions in phases:
        rows_of_device = rows / machine.devices
        share = machine.share * min(1.0, rows_of_device * length / FULL_ROWS)
        flops = encoder.flops_per_token(length, predictions) * rows_of_device * length
        computing += steps * flops / (machine.peak * share)
        ring = 2 * (machine.devices - 1) / machine.devices
        summing += steps * ring * PARAMETERS[size] * GRADIENT_BYTES / machine.link
    return (computing + summing) / 86_400, summing / (computing + summing), min(p[1] for p in phases) / machine.devices


def main():
    print("| recipe | machine | days | of them sums of gradients | rows on a device |")
    print("|---|---|---|---|---|")
    for recipe, (size, phases) in RECIPES.items():
        for name, machine in MACHINES.items():
            total, sums, rows = days(size, phases, machine)
            print(f"| {recipe} | {name} | {total:.2g} | {sums:.0%} | {rows:g} |")


if __name__ == "__main__":
    main()
