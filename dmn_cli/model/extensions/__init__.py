"""Our parts, which take the place of the paper's. The paper's modules import none of them."""
