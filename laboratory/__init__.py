"""Everything that is done with a trained VAE: priors, a sharper decoder, edits, comparisons, a quality card."""
