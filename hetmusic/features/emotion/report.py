"""What became of an estimate of emotions, for people."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class EmotionReport:
    """What came out."""

    #: number of items
    items: int
    #: source -> items about which it says something
    sources: dict[str, int]
    #: items with a valence, and with both valence and arousal
    valence: int
    both: int
    #: mean confidence of the items that have an emotion
    confidence: float
    #: items connected with words, edges, and words that the graph did not have before
    connected: int
    edges: int
    new_words: int
    #: why items with a sound file got nothing from it -> how many
    silent: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        said = ", ".join(f"{name} {count:,}" for name, count in self.sources.items())
        lines = [
            f"emotion: {self.valence:,} of {self.items:,} items have a valence, {self.both:,} an arousal as well "
            f"(from {said}), mean confidence {self.confidence:.2f}",
            f"evokes: {self.edges:,} edges from {self.connected:,} items, {self.new_words:,} new words",
        ]
        if self.silent:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.silent.items())
            lines.append(f"no sound: {reasons}")
        return "\n".join(lines)
