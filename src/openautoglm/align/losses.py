"""The contrastive losses by the names that a configuration uses.

All are called alike, `loss(image_embeds, text_embeds, keys=None, queue=None)` → scalar, and all
take `temperature` and `positives`; what else each takes stands in its file.

>>> LOSSES["siglip"](temperature=0.1, positives="mask").logit_scale.exp().item()
10.0
"""

from __future__ import annotations

from openautoglm.align.infonce import InfoNCE
from openautoglm.align.siglip import SigLIP
from openautoglm.align.triplet import Triplet

ContrastiveLoss = InfoNCE | SigLIP | Triplet
LOSSES: dict[str, type[InfoNCE] | type[SigLIP] | type[Triplet]] = {
    "infonce": InfoNCE,
    "siglip": SigLIP,
    "triplet": Triplet,
}
