"""Tiny models of language, made here: nothing is fetched."""

import os
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    pipeline,
)

WORDS = ["a", "fine", "bad", "day", "rain", "and", "fog", "sun", "sea", "the"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MOODS = {0: "sad", 1: "merry"}


def tokenizer() -> Any:
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=16,
        model_input_names=["input_ids", "attention_mask"],
    )


def bert(**more: Any) -> Any:
    return BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        **more,
    )


def network(task: str) -> Any:
    torch.manual_seed(0)
    moods = {"id2label": MOODS, "label2id": {word: place for place, word in MOODS.items()}}
    gpt = GPT2Config(
        vocab_size=15, n_positions=16, n_embd=16, n_layer=1, n_head=2, pad_token_id=0,
        bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    makers: dict[str, Any] = {
        "text-classification": lambda: BertForSequenceClassification(bert(**moods)),
        "token-classification": lambda: BertForTokenClassification(bert(**moods)),
        "fill-mask": lambda: BertForMaskedLM(bert()),
        "feature-extraction": lambda: BertModel(bert()),
        "text-generation": lambda: GPT2LMHeadModel(gpt),
    }
    return makers[task]().eval()


def pipe(task: str) -> Any:
    return pipeline(task, model=network(task), tokenizer=tokenizer(), device="cpu")
