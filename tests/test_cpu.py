"""What is said of the processor."""

from tfbert import cpu

INTEL = """processor\t: 0
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu avx avx2 avx512f avx512_bf16 avx512_vnni amx_bf16 amx_tile amx_int8 lahf_lm

processor\t: 1
model name\t: Intel(R) Xeon(R) Processor
"""
ARM = "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd asimddp sve i8mm bf16\n"


def test_name_and_instruction_sets(tmp_path):
    (tmp_path / "intel").write_text(INTEL)
    sets = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
    assert cpu.instruction_sets(tmp_path / "intel") == sets
    assert cpu.description(tmp_path / "intel") == f"Intel(R) Xeon(R) Processor ({', '.join(sets)})"
    (tmp_path / "arm").write_text(ARM)
    assert cpu.description(tmp_path / "arm").endswith(" (asimddp, i8mm, bf16, sve)")


def test_who_computes_in_bfloat16(tmp_path):
    (tmp_path / "intel").write_text(INTEL)
    (tmp_path / "arm").write_text(ARM)
    (tmp_path / "older").write_text(INTEL.replace("avx512_bf16", "").replace("amx_bf16", ""))
    assert cpu.has_bfloat16(tmp_path / "intel") and cpu.has_bfloat16(tmp_path / "arm")
    assert not cpu.has_bfloat16(tmp_path / "older") and not cpu.has_bfloat16(tmp_path / "none")


def test_without_the_file_there_is_a_name(tmp_path):
    assert cpu.instruction_sets(tmp_path / "none") == ()
    assert cpu.description(tmp_path / "none") and "(" not in cpu.description(tmp_path / "none")


def test_processors():
    assert cpu.processors() >= 1
