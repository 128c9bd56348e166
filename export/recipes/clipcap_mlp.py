"""ClipCap with a small mapper: two layers turn CLIP's vector into ten tokens, and GPT-2 learns with them.

Purpose: a captioner that says what a picture shows, as Mokady et al. (2021) trained theirs on COCO.
Data: caption JSON of the form of COCO and a folder of pictures. CLIP ViT-B/32 looks at each picture once,
before training; its vector is not scaled.
What learns: mapper and GPT-2, 156 million numbers. GPT-2 may then say what it never said before, but it needs
more memory and forgets its older English sooner than with `clipcap_transformer`.
Time: for COCO made for a GPU, docs/training.md has figures; on a CPU a few thousand captions are what is
sensible.
Score: none of ours on COCO; its authors report CIDEr 108.35 on Karpathy's test split.
Command: ``python -m export train clipcap-mlp captions.json pictures --out runs/captioner`` (``--smoke`` for a
trial on made-up pictures).
"""

from export.caption_recipe import CaptionRecipe
from export.importing.command import CLIP

FULL = CaptionRecipe(kind="mlp", mode="full", prefix_length=10, is_unit=False, clip=CLIP)
SMOKE = CaptionRecipe(
    kind="mlp",
    mode="full",
    prefix_length=3,
    is_unit=False,
    clip="clip",
    gpt2="gpt2",
    batch=8,
    epochs=12,
    learning_rate=1e-2,
    eval_share=0.2,
    described=4,
    save_every=5,
)
