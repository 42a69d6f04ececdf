"""What a music knowledge graph is and how raw dumps map to it: declarations only, without torch or DGL."""
