"""Package metadata. The tools' settings are in pyproject.toml, the versions that CI uses in requirements.lock."""

import pathlib
import re

import setuptools

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "tfbert/__init__.py").read_text(encoding="utf-8"))[1]

# tensorflow-datasets imports importlib_resources when it downloads, and does not ask for it
TFDS = ["tensorflow-datasets>=4.9.9,<5", "importlib_resources>=6"]
SENTENCEPIECE = ["sentencepiece>=0.2,<0.3"]  # trains Unigram vocabularies; reading them needs nothing
TASKS = ["rouge-score>=0.1.2,<0.2"]
BEAM = ["apache-beam>=2.70,<3", "jieba>=0.42.1,<0.43"]
LITE = ["ai-edge-litert>=2.1,<3"]
PARQUET = ["pyarrow>=16,<26"]
ONNX = ["onnx>=1.18,<2", "onnxruntime>=1.22,<2"]
SERVING = [
    "aiohttp>=3.14.4,<4",  # older ones never close a connection that has sent no whole request
    "grpcio>=1.66,<2",
    "grpcio-health-checking>=1.66,<2",
    "grpcio-reflection>=1.66,<2",
    "ml_dtypes>=0.4,<1",  # the type bfloat16, which TensorFlow and Keras need too
    "prometheus_client>=0.21,<1",
    "tensorflow-serving-api>=2.21,<2.22",
]

setuptools.setup(
    name="tfbert",
    version=VERSION,
    description="BERT for TensorFlow and Keras 3: text in, answer out",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=setuptools.find_packages(include=["tfbert", "tfbert.*"]),
    package_data={
        "tfbert": ["py.typed"],
        "tfbert.export": ["*.jinja"],
        "tfbert.runs.report": ["templates/*"],
        "tfbert.text.algorithms": ["characters.txt"],
    },
    python_requires=">=3.11,<3.13",
    install_requires=[
        "absl-py>=2.1,<3",
        "flatbuffers>=24.3",
        "h5py>=3.11,<4",
        "huggingface_hub>=0.34,<3",
        "jinja2>=3.1,<4",
        "keras>=3.13,<4",
        "matplotlib>=3.9,<4",
        "ml_collections>=1.0,<2",
        "numpy>=1.26,<3",
        "safetensors>=0.5,<1",
        "scikit-learn>=1.5,<2",
        "scipy>=1.13,<2",
        # tensorflow-text links against one minor version of tensorflow. 2.20.0 builds tokenizers from freed memory; the
        # bounds of its tables are checked from 2.22 on, which is not released yet: see "tensorflow-text" in BUILD.md
        "tensorflow>=2.21,<2.22",
        "tensorflow-text>=2.21.1,<2.22",
        "tensorboard>=2.19,<3",
        "tokenizers>=0.22,<1",
        "tqdm>=4.66,<5",
    ],
    extras_require={
        "beam": BEAM,
        "lite": LITE,
        "onnx": ONNX,
        "parquet": PARQUET,
        "sentencepiece": SENTENCEPIECE,
        "serving": SERVING,
        "tasks": TASKS,
        "tfds": TFDS,
        "test": [
            *BEAM,
            *LITE,
            *ONNX,
            *PARQUET,
            *SENTENCEPIECE,
            *SERVING,
            *TASKS,
            "hypothesis>=6.100,<7",
            "keras-nlp>=0.32,<0.33",
            "mypy>=2,<3",
            "pandas>=2.2,<4",
            "pytest>=8.2,<10",
            "pytest-xdist>=3.6,<4",
            "PyYAML>=6,<7",
            "ruff>=0.12,<1",
            "schemathesis>=4.32,<5",
            "seqeval>=1.2.2,<2",
            "unicodedata2>=18,<19",
            *TFDS,
        ],
    },
    entry_points={"console_scripts": ["tfbert = tfbert.launch.main:main"]},
)
