"""Text columns as numbers, truth values and times, with errors that name file, line, field and value."""

from __future__ import annotations

import datetime
from typing import NoReturn

import polars as pl

from hetmusic.errors import DataError
from hetmusic.graph.raw.source import LINE, Source
from kg_schema.dump import TimeSpec
from kg_schema.dump_files import ScalarType

_WHAT = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
_TRUE, _FALSE = ["true", "1"], ["false", "0"]
_INT = r"^[+-]?[0-9]+$"
# seconds from 1970 to the years 1 and 10000, between which the calendar has dates of the usual form
_FIRST, _LAST = -62_135_596_800, 253_402_300_799


def check_type(source: Source, batch: pl.DataFrame, column: str, dtype: ScalarType) -> None:
    """Check that every value that is there is of a type; whole numbers may have any number of digits.

    :raises DataError: naming the first value that is not.
    """
    if dtype == "int":
        # what fits into 64 bits is recognised sooner than by the expression
        if batch[column].cast(pl.Int64, strict=False).null_count() == batch[column].null_count():
            return
        bad = batch.filter(~pl.col(column).str.contains(_INT))
        if bad.height:
            _refuse(source, bad, column, _WHAT[dtype], batch.height)
    elif dtype != "str":
        convert(source, batch, column, dtype)


def convert(source: Source, batch: pl.DataFrame, column: str, dtype: ScalarType) -> pl.Series:
    """A column as String, Int64, finite Float64 or Boolean, null where blank.

    :raises DataError: naming the first value that is not of the type.
    """
    text = batch[column].str.strip_chars()
    if dtype == "str":
        return batch[column]
    if dtype == "bool":
        lower = text.str.to_lowercase()
        choice = (
            pl.when(pl.col(column).is_in(_TRUE)).then(True).when(pl.col(column).is_in(_FALSE)).then(False)
        )
        values = lower.to_frame().select(choice.alias(column))[column]
    elif dtype == "int":
        values = text.cast(pl.Int64, strict=False)
    else:
        values = text.cast(pl.Float64, strict=False)
        values = pl.select(pl.when(values.is_finite()).then(values).alias(column)).to_series()
    bad = batch.filter(values.is_null() & batch[column].is_not_null())
    if bad.height:
        _refuse(source, bad, column, _WHAT[dtype], batch.height)
    return values


def known_weights(texts: pl.Series) -> pl.Series:
    """Texts as :func:`weights` would read them, null for those that are none."""
    values = texts.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.select(pl.when(values.cast(pl.Float32).is_finite()).then(values)).to_series()


def weights(source: Source, batch: pl.DataFrame, column: str, counts: bool = False) -> pl.Series:
    """A column of weights as Float64; a blank one is an error, as is one that float32 cannot hold.

    :param counts: whether they say how many there are of something, so that one below 0 is an error too.
    :raises DataError: naming the first bad value.
    """
    values = convert(source, batch, column, "float")
    bad = batch.filter(values.cast(pl.Float32).is_finite().fill_null(False).not_())
    if bad.height:
        _refuse(source, bad, column, "a finite number", batch.height)
    below = batch.filter(values < 0)
    if counts and below.height:
        _refuse(source, below, column, "a count, which is 0 or more", batch.height)
    return values


def components(source: Source, batch: pl.DataFrame, column: str) -> pl.Series:
    """A column of components of vectors as Float64, null where blank; one that float32 cannot hold is an error.

    :raises DataError: naming the first bad value.
    """
    values = convert(source, batch, column, "float")
    bad = batch.filter(~values.cast(pl.Float32).is_finite())
    if bad.height:
        _refuse(source, bad, column, "a number that float32 can hold", batch.height)
    return values


def times(source: Source, batch: pl.DataFrame, spec: TimeSpec, part: str) -> pl.Series:
    """Seconds since 1970-01-01 UTC as Int64; null where blank, no date of the calendar, or impossibly early.

    Repaired values are counted under ``part``, once per part.

    :raises DataError: naming the first value that is no time at all.
    """
    seconds = _from_column(source, batch, spec) if spec.column else _from_date(source, batch, spec)
    given = pl.all_horizontal(pl.col(spec.columns).is_not_null())
    bad = batch.filter(batch.select(given).to_series() & seconds.is_null())
    source.notes.add("repaired", "no such date", bad, file=source.label, part=part)
    if spec.not_before is None:
        return seconds
    start = int(
        datetime.datetime.combine(spec.not_before, datetime.time(), datetime.timezone.utc).timestamp()
    )
    early = (seconds < start).fill_null(False)
    reason = f"time before {spec.not_before.isoformat()}"
    source.notes.add("repaired", reason, batch.filter(early), file=source.label, part=part)
    return pl.select(pl.when(~early).then(seconds)).to_series()


def _from_column(source: Source, batch: pl.DataFrame, spec: TimeSpec) -> pl.Series:
    column = spec.column or ""
    if spec.unit != "iso":
        return _from_number(source, batch, column, 1 if spec.unit == "s" else 1000)
    text = pl.col(column).str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) ", "${1}T")
    text = text.str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00:00")
    text = text.str.replace(r"(T[0-9:.]+)$", "${1}Z")
    parsed = batch.select(text.str.strptime(pl.Datetime("us", "UTC"), "%+", strict=False)).to_series()
    bad = batch.filter(parsed.is_null() & batch[column].is_not_null())
    if bad.height:
        _refuse(source, bad, column, "an ISO 8601 time", batch.height)
    return parsed.dt.epoch("s")


def _from_number(source: Source, batch: pl.DataFrame, column: str, a_second: int) -> pl.Series:
    """Seconds from a number of units, of which a second has ``a_second``."""
    units = convert(source, batch, column, "float")
    outside = batch.filter(~units.is_between(_FIRST * a_second, _LAST * a_second))
    if outside.height:
        other = "`unit: ms`" if a_second == 1 else "`unit: s`"
        text = f"a time between the years 1 and 9999; perhaps it needs {other}"
        _refuse(source, outside, column, text, batch.height)
    exact = batch[column].str.strip_chars().cast(pl.Int64, strict=False)
    return exact.fill_null(units.floor().cast(pl.Int64)) // a_second


def _from_date(source: Source, batch: pl.DataFrame, spec: TimeSpec) -> pl.Series:
    year, month, day = (convert(source, batch, column, "int") for column in spec.columns)
    parts = pl.DataFrame({"y": year, "m": month, "d": day}).cast(pl.String)
    padded = [pl.col("y").str.zfill(4), pl.col("m").str.zfill(2), pl.col("d").str.zfill(2)]
    text = pl.concat_str(padded, separator="-")
    dates = parts.select(text.str.strptime(pl.Date, "%Y-%m-%d", strict=False)).to_series()
    return dates.dt.epoch("s")


def _refuse(source: Source, bad: pl.DataFrame, column: str, what: str, rows: int) -> NoReturn:
    value = bad[column][0]
    shown = "blank" if value is None else repr(value[:40])
    raise DataError(
        f"{source.where(bad[LINE][0])}, field {column!r}: {shown} is not {what} "
        f"({bad.height:,} of {rows:,} rows read)"
    )
