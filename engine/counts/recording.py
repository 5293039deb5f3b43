"""What a piece of computation would keep in memory, recorded without computing it.

Under torch's FakeTensorMode every operation works out shapes only. Two recorders look on: the hooks
that autograd offers for what it saves for the backward pass, and a dispatch mode that sees every
tensor be born and die and so knows the most that lived at once. Attention is torch's fused kernel,
as on a GPU: it stores no matrix of all pairs. What a GPU adds of its own (kernel workspaces, the
allocator's gaps) is not seen here.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CPU = torch.device("cpu")


@contextlib.contextmanager
def fake() -> Iterator[None]:
    """Tensors made in the block have a shape and no content."""
    with _mode():
        yield


@cache
def _mode() -> FakeTensorMode:
    """One for the whole process: a tensor of another would be copied, and its storage with it."""
    return FakeTensorMode(allow_non_fake_inputs=True)


def make_fake(module: nn.Module) -> None:
    """Give a module from the meta device parameters and buffers that :func:`fake` computes with.

    Call it inside the block. Parameters keep dtype, shape and whether they are trained.
    """
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                empty = torch.empty_like(parameter, device=CPU)
                part._parameters[name] = nn.Parameter(empty, parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = torch.empty_like(buffer, device=CPU)


class Kept:
    """Counts what autograd saves for the backward pass, each storage once, weights left out."""

    def __init__(self, modules: list[nn.Module]) -> None:
        self.bytes = 0
        self._seen = _storages(modules)
        self._alive: list[Any] = []  # a storage that is gone could give its number to another

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """The forward pass belongs inside."""
        with torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor):
            yield
        self._alive.clear()

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._seen:
            self._seen.add(storage._cdata)
            self._alive.append(storage)
            self.bytes += storage.nbytes()
        return tensor


class Living(TorchDispatchMode):
    """Adds up the storages that live at each moment, weights left out; `peak` is their most."""

    def __init__(self, modules: list[nn.Module]) -> None:
        super().__init__()
        self.bytes = self.peak = 0
        self._own = _storages(modules)
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation and note what it gave birth to."""
        result = operation(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self._note(value.untyped_storage())
        return result

    def _note(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._own or key in self._known:
            return
        self._known.add(key)
        self.bytes += size
        self.peak = max(self.peak, self.bytes)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.bytes -= size


def _storages(modules: list[nn.Module]) -> set[int]:
    tensors = [t for module in modules for t in (*module.parameters(), *module.buffers())]
    return {tensor.untyped_storage()._cdata for tensor in tensors}
