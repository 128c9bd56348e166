"""Hybrid CLIP on replies: which GIF did somebody answer a text with? The recipe of the published clip-reply.

Purpose: a text tower and a vision tower whose vectors of a text and of the GIF that answered it are near.
Data: (text, GIF) pairs of your own, or the ids of ReactionGIF (Shmueli et al., ACL 2021) with texts and GIFs
that you have; neither is shipped.
Settings: sequence 128, batch 32, learning rate 1e-5, 150 steps of warm-up, first frame and early stopping are
those that the model card of clip-reply names; linear decay, AdamW and no augmentation those of the script
that it names, weight decay 0 that script's default. Epochs, patience and the share that is held out are ours:
the card does not say.
Time: see docs/training.md, which has single steps on a CPU; a whole training was not timed.
Score: none, this has not been run on ReactionGIF.
Command: ``python -m export train clip-reply PAIRS --out runs/clip-reply`` (``--smoke`` for a trial on made-up
pictures, which needs no data).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipReply:
    """Settings of a training on replies.

    Attributes:
        text: source of the text tower, a BERT or RoBERTa, with its tokenizer.
        vision: source of the vision tower, a CLIP's Vision Transformer or a plain ViT.
        clip: source of a whole CLIP that is fine-tuned instead of joining two towers.
        frames: how many frames of a GIF are looked at: 1, the first, or several evenly picked ones.
        image_size: edge of a picture in pixels; None keeps that of the vision tower.
        sequence: tokens that a text is cut to, at most as many as the text tower knows.
        batch: pairs a step; each is contrasted with the others.
        learning_rate: of AdamW, reached after the warm-up, falling in a straight line to 0.
        warmup_steps: of the learning rate; at most a fifth of all steps where there are few.
        weight_decay: of AdamW, on every parameter.
        epochs: passes over the training pairs at most.
        patience: epochs without a lower loss of the held-out pairs before the training ends.
        eval_share: share of the pairs that is held out at least; `export.reply_batches.split` may take more.
        save_every: steps between two checkpoints, beside that of each epoch.
        seed: of new parameters, order, split and dropout.
    """

    text: str = "cardiffnlp/twitter-roberta-base-emoji"
    vision: str = "openai/clip-vit-base-patch32"
    clip: str | None = None
    frames: int = 1
    image_size: int | None = None
    sequence: int = 128
    batch: int = 32
    learning_rate: float = 1e-5
    warmup_steps: int = 150
    weight_decay: float = 0.0
    epochs: int = 5
    patience: int = 2
    eval_share: float = 0.02
    save_every: int = 200
    seed: int = 42


FULL = ClipReply()
SMOKE = ClipReply(
    frames=2,
    sequence=8,
    batch=16,
    learning_rate=4e-3,
    warmup_steps=10,
    epochs=20,
    patience=20,
    eval_share=0.2,
    save_every=50,
)
