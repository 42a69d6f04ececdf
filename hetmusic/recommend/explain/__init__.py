"""Why something is recommended: parts of a score, and the evidence that it rests on (docs/explanations.md)."""
