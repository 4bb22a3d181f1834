"""How the verifier learns: tiles of pictures, views of them, the network, its rounds. The one part that needs torch."""
