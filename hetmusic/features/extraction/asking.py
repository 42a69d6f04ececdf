"""What a user writes, ``sound=yamnet`` and ``sound.pooling=mean``, becomes requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hetmusic._resolve import argument_from_text
from hetmusic.errors import ConfigError, did_you_mean
from hetmusic.features.extraction.presets import PRESETS
from hetmusic.features.extraction.request import MODALITY, Request
from hetmusic.features.extractor import Kind, extractors, kind_of

#: what a kind is asked for with where no extractor is named
BY_PRESET = ""


def requests_of(
    asked: Mapping[Kind, Sequence[str]],
    settings: Sequence[str] = (),
    sources: Sequence[str] = (),
    preset: str = "light",
) -> list[Request]:
    """Read what is to be extracted.

    :param asked: for each kind ``[MODALITY=]EXTRACTOR``, or :data:`BY_PRESET`.
    :param settings: ``MODALITY.KEY=VALUE``, arguments of extractors.
    :param sources: ``MODALITY=ATTRIBUTE``, or ``ATTRIBUTE`` where there is one modality.
    :raises ConfigError: for an unknown extractor, argument, value or modality.
    """
    specs = [_spec(kind, text, preset) for kind, texts in asked.items() for text in texts]
    modalities = [modality for _, modality, _ in specs]
    arguments = _arguments(settings, modalities)
    attributes = _attributes(sources, modalities)
    made = []
    for kind, modality, name in specs:
        cls = extractors.lookup(name)
        if (own := kind_of(cls)) != kind:
            raise ConfigError(f"extractor {name!r} describes {own}, not {kind}: ask for it by --{own}")
        values = {
            key: argument_from_text(cls, key, text) for key, text in arguments.get(modality, {}).items()
        }
        made.append(Request(extractors.make(name, **values), modality, attributes.get(modality, "")))
    return made


def _spec(kind: Kind, text: str, preset: str) -> tuple[Kind, str, str]:
    """Kind, modality and name of the extractor."""
    modality, given, name = text.rpartition("=")
    if given and not modality:
        raise ConfigError(f"--{kind} {text!r} names no modality before the '='")
    return kind, modality or MODALITY[kind], name or PRESETS[preset][kind]


def _arguments(settings: Iterable[str], modalities: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for text in settings:
        where, equals, value = text.partition("=")
        modality, dot, key = where.strip().partition(".")
        if not (equals and dot and key):
            raise ConfigError(f"--set {text!r} is not of the form MODALITY.KEY=VALUE")
        _check_asked("--set", modality, modalities)
        found.setdefault(modality, {})[key] = value.strip()
    return found


def _attributes(sources: Iterable[str], modalities: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in sources:
        modality, given, attribute = text.rpartition("=")
        if not given:
            if len(modalities) != 1:
                raise ConfigError(
                    f"--from {text!r}: say of which modality, as in --from {modalities[0]}={text}"
                )
            modality = modalities[0]
        _check_asked("--from", modality, modalities)
        found[modality] = attribute
    return found


def _check_asked(option: str, modality: str, modalities: Sequence[str]) -> None:
    if modality not in modalities:
        hint = did_you_mean(modality, modalities)
        raise ConfigError(
            f"{option} names modality {modality!r}, which is not asked for{hint}; there are {', '.join(modalities)}"
        )
