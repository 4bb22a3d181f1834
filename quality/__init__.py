"""How good pictures of faces are, whoever made them: figures of sets of pictures, and the quality card."""
