"""Card transactions of a made-up German bank, a few of them fraudulent: how they come about.

Legitimate purchases are drawn first; each fraudulent one then takes on the marks of one pattern. What
makes the data worth modelling:

- fraud is rare (about 0.8 %) and more likely at night;
- a new pattern, gift cards bought in an app with a young account, begins on day 100 and grows;
- in Brazil most fraud looks like any other purchase, so that the region is much harder;
- `distance_from_home_km` is missing more often where somebody hides it: not at random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

DAYS = 180
NEW_PATTERN_DAY = 100

MORNING = 6
"""The hour until which it is night."""
DAYS_TO_KNOW = 14
"""Days after which a bank knows what is usual for a customer."""

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Columns = dict[str, Array]

MERCHANTS = {  # share of purchases, usual amount in EUR
    "groceries": (0.24, 28.0),
    "restaurants": (0.15, 24.0),
    "fuel": (0.09, 48.0),
    "clothing": (0.08, 52.0),
    "household": (0.07, 38.0),
    "public_transport": (0.07, 9.0),
    "pharmacy": (0.06, 16.0),
    "digital_goods": (0.06, 11.0),
    "entertainment": (0.05, 27.0),
    "electronics": (0.05, 120.0),
    "travel": (0.03, 190.0),
    "gift_cards": (0.02, 40.0),
    "gambling": (0.015, 35.0),
    "jewellery": (0.01, 160.0),
    "cash": (0.005, 90.0),
}
COUNTRIES = {  # share of purchases, region
    "DE": (0.65, "home"),
    "FR": (0.055, "europe"),
    "AT": (0.05, "europe"),
    "NL": (0.045, "europe"),
    "IT": (0.035, "europe"),
    "ES": (0.03, "europe"),
    "PL": (0.025, "europe"),
    "CH": (0.02, "europe"),
    "GB": (0.016, "europe"),
    "US": (0.016, "north_america"),
    "BR": (0.02, "latin_america"),
    "BE": (0.01, "europe"),
    "CZ": (0.008, "europe"),
    "TR": (0.006, "europe"),
    "CA": (0.003, "north_america"),
    "IN": (0.004, "other"),
    "MX": (0.0015, "latin_america"),
    "TH": (0.002, "other"),
    "NG": (0.0015, "other"),
    "AR": (0.0007, "latin_america"),
}
RISKY_COUNTRIES = {"BR": 0.16, "US": 0.2, "FR": 0.18, "GB": 0.17, "NL": 0.15, "TR": 0.12, "NG": 0.02}
"""Where fraud clusters, beyond its share of purchases."""
REGIONS = ("home", "europe", "north_america", "latin_america", "other")
CHANNELS = ("in_person", "online", "atm")
DEVICES = ("contactless", "chip", "magstripe", "browser", "app", "terminal")

_MERCHANT = {name: code for code, name in enumerate(MERCHANTS)}
_COUNTRY = {name: code for code, name in enumerate(COUNTRIES)}
_CHANNEL = {name: code for code, name in enumerate(CHANNELS)}
_DEVICE = {name: code for code, name in enumerate(DEVICES)}
# Share of a day's purchases in each hour, from midnight on.
_HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 7, 8, 8, 9, 10, 12, 11, 9, 9, 10, 12, 13, 11, 8, 6, 4, 2], dtype=float)


def transactions(rng: np.random.Generator, first: int, count: int, rows: int) -> Columns:
    """`count` of `rows` transactions from number `first` on, in the order of their time: codes, numbers and masks."""
    position = (first + np.sort(rng.random(count)) * count) / rows * DAYS
    columns = _purchases(rng, position)
    fraud = np.flatnonzero(_chance(rng, _fraud_rate(position, columns["hour"]), count))
    columns["is_fraud"] = np.zeros(count, dtype=bool)
    columns["is_fraud"][fraud] = True
    _commit_fraud(rng, columns, fraud, position[fraud])
    _lose_values(rng, columns)
    return columns


def _fraud_rate(day: Floats, hour: Array) -> Floats:
    night = np.where(hour < MORNING, 2.5, 1.0)
    return night * (0.0066 + 0.0040 * _new_pattern(day))


def _new_pattern(day: Floats) -> Floats:
    """How far the new pattern has spread: 0 before its first day, 1 on the last."""
    return np.clip((day - NEW_PATTERN_DAY) / (DAYS - NEW_PATTERN_DAY), 0.0, 1.0)


def _purchases(rng: np.random.Generator, position: Floats) -> Columns:
    """Legitimate purchases at these times, in days from the first."""
    count = len(position)
    seconds = _seconds(position)
    channel = _draw(rng, (0.66, 0.31, 0.03), count)
    online = channel == _CHANNEL["online"]
    merchant = _draw(rng, [share for share, _ in MERCHANTS.values()], count)
    merchant[channel == _CHANNEL["atm"]] = _MERCHANT["cash"]
    country = _draw(rng, [share for share, _ in COUNTRIES.values()], count)
    usual = rng.lognormal(np.log(34.0), 0.5, count)
    amount = _amounts(rng, merchant, 0.75) * (1 + 0.05 * position / DAYS)
    return {
        "seconds": seconds,
        "hour": (seconds // 3600 % 24).astype(np.int16),
        "amount": amount,
        "usual": usual,
        "merchant": merchant,
        "country": country,
        "channel": channel,
        "device": _devices(rng, channel, position),
        "account_age": np.minimum(rng.gamma(1.6, 900.0, count), 9000.0),
        "transactions": rng.poisson(rng.gamma(1.5, 1.2, count)),
        "declines": rng.poisson(np.where(online, 0.06, 0.03)),
        "distance": _distances(rng, country),
        "hidden": np.zeros(count, dtype=bool),
    }


def _seconds(position: Floats) -> Ints:
    """Days become seconds after the first midnight; later in the day's order, later on the clock."""
    day, share = np.divmod(position, 1.0)
    ends = np.concatenate([[0.0], np.cumsum(_HOURS / _HOURS.sum())])
    clock = np.interp(share, ends, np.arange(25) * 3600.0)
    return (day * 86_400 + np.minimum(clock, 86_399.0)).astype(np.int64)


def _amounts(rng: np.random.Generator, merchant: Ints, spread: float) -> Floats:
    usual = np.array([amount for _, amount in MERCHANTS.values()])
    return usual[merchant] * rng.lognormal(0.0, spread, len(merchant))


def _distances(rng: np.random.Generator, country: Array) -> Floats:
    abroad = country != _COUNTRY["DE"]
    return np.where(abroad, rng.lognormal(6.2, 0.7, len(country)), rng.lognormal(1.9, 1.3, len(country)))


def _devices(rng: np.random.Generator, channel: Ints, position: Floats) -> Ints:
    by_app = 0.45 + 0.15 * position / DAYS  # people move to the app
    online = np.where(_chance(rng, by_app, len(channel)), _DEVICE["app"], _DEVICE["browser"])
    in_person = _draw(rng, (0.7, 0.285, 0.015), len(channel))
    return np.select([channel == 0, channel == 1], [in_person, online], _DEVICE["terminal"])


def _chance(rng: np.random.Generator, share: float | Floats, count: int) -> Bools:
    return rng.random(count) < share


def _draw(rng: np.random.Generator, shares: list[float] | tuple[float, ...], count: int) -> Ints:
    ends = np.cumsum(shares)
    return np.searchsorted(ends / ends[-1], rng.random(count), side="right")


def _pick(rng: np.random.Generator, codes: dict[str, int], names: tuple[str, ...], count: int) -> Ints:
    return np.array([codes[name] for name in names])[rng.integers(0, len(names), count)]


def _commit_fraud(rng: np.random.Generator, columns: Columns, at: Ints, day: Floats) -> None:
    """Give each fraudulent row a country and the marks of one pattern."""
    columns["country"][at] = _move_abroad(rng, columns["country"][at])
    columns["distance"][at] = _distances(rng, columns["country"][at])
    late = _chance(rng, 0.5 * _new_pattern(day), len(at))
    pattern = np.where(late, 3, _draw(rng, (0.25, 0.4, 0.25, 0.0, 0.10), len(at)))
    in_brazil = columns["country"][at] == _COUNTRY["BR"]
    unremarkable = in_brazil & _chance(rng, 0.9, len(at))
    for number, mark in enumerate(_PATTERNS):
        mark(rng, columns, at[(pattern == number) & ~unremarkable])


def _move_abroad(rng: np.random.Generator, country: Ints) -> Ints:
    """Half of the fraud happens where any purchase would, half where it clusters."""
    codes = np.array([_COUNTRY[name] for name in RISKY_COUNTRIES])
    risky = codes[_draw(rng, tuple(RISKY_COUNTRIES.values()), len(country))]
    return np.where(_chance(rng, 0.5, len(country)), risky, country)


def _test_cards(rng: np.random.Generator, columns: Columns, at: Ints) -> None:
    """Stolen numbers are tried out with many tiny purchases."""
    columns["channel"][at] = _CHANNEL["online"]
    columns["device"][at] = _DEVICE["browser"]
    columns["merchant"][at] = _pick(rng, _MERCHANT, ("digital_goods", "entertainment", "public_transport"), len(at))
    columns["amount"][at] = rng.lognormal(0.9, 0.6, len(at))
    columns["transactions"][at] += rng.poisson(6.0, len(at))
    columns["declines"][at] += rng.poisson(1.8, len(at))


def _take_over(rng: np.random.Generator, columns: Columns, at: Ints) -> None:
    """Somebody else shops with the customer's account: dear goods, place hidden."""
    columns["channel"][at] = _CHANNEL["online"]
    columns["device"][at] = _pick(rng, _DEVICE, ("browser", "browser", "app"), len(at))
    columns["merchant"][at] = _pick(rng, _MERCHANT, ("electronics", "jewellery", "travel", "clothing"), len(at))
    columns["amount"][at] = 1.5 * _amounts(rng, columns["merchant"][at], 0.6)
    columns["transactions"][at] += rng.poisson(2.0, len(at))
    columns["hidden"][at] = _chance(rng, 0.6, len(at))


def _counterfeit(rng: np.random.Generator, columns: Columns, at: Ints) -> None:
    """A copied magnetic stripe, far from home."""
    by_atm = _chance(rng, 0.4, len(at))
    columns["channel"][at] = np.where(by_atm, _CHANNEL["atm"], _CHANNEL["in_person"])
    columns["device"][at] = np.where(by_atm, _DEVICE["terminal"], _DEVICE["magstripe"])
    shops = _pick(rng, _MERCHANT, ("electronics", "fuel", "groceries", "clothing"), len(at))
    columns["merchant"][at] = np.where(by_atm, _MERCHANT["cash"], shops)
    columns["amount"][at] = 1.4 * _amounts(rng, columns["merchant"][at], 0.6)
    columns["distance"][at] = rng.lognormal(6.4, 0.9, len(at))
    columns["declines"][at] += rng.poisson(0.5, len(at))


def _buy_gift_cards(rng: np.random.Generator, columns: Columns, at: Ints) -> None:
    """The new pattern: accounts opened for it buy gift cards of middling amounts."""
    columns["channel"][at] = _CHANNEL["online"]
    columns["device"][at] = _DEVICE["app"]
    columns["merchant"][at] = _pick(rng, _MERCHANT, ("gift_cards", "gift_cards", "digital_goods"), len(at))
    columns["amount"][at] = rng.normal(75.0, 22.0, len(at)).clip(20.0)
    columns["account_age"][at] = rng.gamma(1.5, 40.0, len(at))


def _blend_in(rng: np.random.Generator, columns: Columns, at: Ints) -> None:
    """Nothing stands out but somewhat larger amounts."""
    columns["amount"][at] *= rng.lognormal(0.3, 0.2, len(at))


_PATTERNS: tuple[Callable[[np.random.Generator, Columns, Ints], None], ...] = (
    _test_cards,
    _take_over,
    _counterfeit,
    _buy_gift_cards,
    _blend_in,
)


def _lose_values(rng: np.random.Generator, columns: Columns) -> None:
    """Say which values are missing, in masks that Arrow reads."""
    count = len(columns["hour"])
    online = columns["channel"] == _CHANNEL["online"]
    columns["no_distance"] = columns["hidden"] | _chance(rng, np.where(online, 0.12, 0.01), count)
    columns["no_device"] = _chance(rng, 0.02, count)
    columns["no_usual"] = columns["account_age"] < DAYS_TO_KNOW
