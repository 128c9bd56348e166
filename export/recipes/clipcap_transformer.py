"""ClipCap with a transformer for a mapper: eight layers talk to a GPT-2 that stays as it is.

Purpose: a captioner that says what a picture shows, with a language model that is left alone.
Data: caption JSON of the form of COCO and a folder of pictures. CLIP RN50x4 looks at each picture once,
before training; its vector (640 numbers) is scaled to length 1.
What learns: the mapper alone, 58 million numbers. CLIP's vector becomes 40 rows; 40 learnt rows attend to
them through eight layers and become what GPT-2 goes on from. As GPT-2 cannot change, its prefix is longer;
there is less to overfit, and a checkpoint is smaller.
Time: for COCO made for a GPU, docs/training.md has figures.
Score: none of ours on COCO; its authors report CIDEr 113.08 on Karpathy's test split.
Command: ``python -m export train clipcap-transformer captions.json pictures --out runs/captioner``
(``--smoke`` for a trial on made-up pictures).
"""

from export.caption_recipe import CaptionRecipe

FULL = CaptionRecipe(
    kind="transformer",
    mode="prefix_only",
    prefix_length=40,
    clip_length=40,
    mapper_layers=8,
    is_unit=True,
    clip="timm/resnet50x4_clip.openai",
)
SMOKE = CaptionRecipe(
    kind="transformer",
    mode="prefix_only",
    prefix_length=4,
    clip_length=2,
    mapper_layers=1,
    is_unit=True,
    clip="clip",
    gpt2="gpt2",
    batch=8,
    epochs=12,
    learning_rate=2e-2,
    eval_share=0.2,
    described=4,
    save_every=5,
)
