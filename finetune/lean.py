"""What a training step leaves out because it changes neither loss nor gradients: scores where nothing is labelled, a mask that
hides only what attention never sees, and padding of short rows to the length of long ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from accelerate.data_loader import SeedableRandomSampler
from torch.utils.data import Sampler
from trl.trainer import utils as trl_utils

if TYPE_CHECKING:
    from transformers import Trainer as Base
else:
    Base = object

utils: Any = trl_utils


class Lean(Base):
    """Before one of TRL's trainers in the list of classes. A step has the rows and the loss that it has without."""

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        with labelled_alone(), unmasked(model):
            return super().compute_loss(model, inputs, *args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        parts, packing = self.args.gradient_accumulation_steps, getattr(self.args, "packing", False)
        if parts == 1 or packing or self.args.train_sampling_strategy != "random":
            return super()._get_train_sampler(train_dataset)
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        order = SeedableRandomSampler(rows, data_seed=self.args.seed)
        return AlikeInParts(order, [length(row) for row in rows], parts * self.args.train_batch_size)


@contextmanager
def labelled_alone() -> Iterator[None]:
    """Have TRL's fused head score the labelled positions alone, as it does on a GPU. On a CPU it would score all, which is most
    of a step: an answer has 5 to 90 tokens of 70 to 220, and the vocabulary 151,936 entries."""
    plain = utils._use_triton
    utils._use_triton = lambda _: True  # the kernels ask a name of their own, and stay as they are
    try:
        yield
    finally:
        utils._use_triton = plain


@contextmanager
def unmasked(model: Any) -> Iterator[None]:
    """Rows are padded on the right, where causal attention never looks, so the mask says nothing; with it, attention in bf16
    gave gradients that are no numbers in a quarter of the batches of Qwen2.5."""
    hook = model.register_forward_pre_hook(without_mask, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def without_mask(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, {name: value for name, value in kwargs.items() if name != "attention_mask"}


class AlikeInParts(Sampler[int]):
    """The rows of each step from the longest to the shortest, so that its parts hold rows of like length."""

    def __init__(self, order: SeedableRandomSampler, lengths: Sequence[int], step: int) -> None:
        self.order, self.lengths, self.step = order, lengths, step

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[int]:
        numbers = list(self.order)
        for first in range(0, len(numbers), self.step):
            yield from sorted(numbers[first : first + self.step], key=self.lengths.__getitem__, reverse=True)

    def set_epoch(self, epoch: int) -> None:
        self.order.set_epoch(epoch)


def length(row: Any) -> int:
    """Of an example, or of the longer answer of a preference with its prompt."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))
