"""Variational autoencoders on the shards that `pipeline` packs."""
