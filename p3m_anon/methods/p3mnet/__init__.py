"""P3M-Net: one encoder, a semantic and a matting decoder, and what passes between them (paper, section 4)."""
