#!/usr/bin/env python3
"""Counts the funnel `checkout` of tests/projects/ecom from its raw file by keeping every chain of every
session, in the words of docs/funnels.md. It gave the figures in tests/it/ecom.rs (Python 3.11).

    ecom_checkout.py tests/projects/ecom/raw/clickstream_ecom.csv.gz 2024-06-28

The second argument is the last entry day that is counted.
"""

import collections
import csv
import datetime
import gzip
import sys

STEPS = {"product_view": 1, "add_to_cart": 2, "cart": 3, "shipping_details": 4, "payment_details": 5, "purchase": 6}
EXCLUDED = {"payment_error", "checkout_bug"}
DAY, WITHIN = 86_400, 7_200
# More chains than this are never kept of one session; none has so many.
MOST_CHAINS = 1_000_000


def sessions(path):
    events = collections.defaultdict(set)
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            try:
                time = datetime.datetime.fromisoformat(row["timestamp"]).replace(tzinfo=datetime.timezone.utc)
            except ValueError:
                continue
            events[row["session_id"]].add((int(time.timestamp()), row["event"]))
    rank = lambda event: 99 if event in EXCLUDED else STEPS.get(event, 0)  # noqa: E731
    return [sorted(rows, key=lambda row: (row[0], rank(row[1]))) for rows in events.values()]


def chosen(rows, day):
    """The chain that first gets deepest; of chains alike each step as late as can be, from the last back."""
    chains, best = collections.defaultdict(set), ()
    for time, event in rows:
        step = STEPS.get(event)
        new = set()
        if step == 1 and time // DAY == day:
            new = {(time,)}
        elif step and step > 1:
            new = {
                chain + (time,)
                for chain in chains[step - 1]
                if time - chain[0] <= DAY and (step != 4 or time - chain[-1] <= WITHIN)
            }
        if new and step > len(best):
            best = max(new, key=lambda chain: chain[::-1])
        chains[step] |= new
        if len(chains[step]) > MOST_CHAINS:
            sys.exit("too many chains")
        if event in EXCLUDED:
            for level in (3, 4, 5):
                chains[level].clear()
    return best


def end(rows, chain, wish):
    level, last, window_end = len(chain), chain[-1], chain[0] + DAY
    deadline = min(window_end, last + WITHIN) if level == 3 else window_end
    if level == 6:
        return "converted"
    if level >= 3 and any(event in EXCLUDED and last <= time <= deadline for time, event in rows):
        return "excluded"
    if any(STEPS.get(event) == level + 1 and deadline < time and time // DAY <= window_end // DAY for time, event in rows):
        return "timed_out"
    others = [row for row in rows if last < row[0] <= window_end and row != wish]
    return "elsewhere" if others else "gone"


def main():
    last_day = datetime.date.fromisoformat(sys.argv[2]) - datetime.date(1970, 1, 1)
    reached, wished, ends = [0] * 6, 0, collections.Counter()
    for rows in sessions(sys.argv[1]):
        for day in sorted({time // DAY for time, event in rows if event == "product_view"}):
            if day > last_day.days:
                continue
            chain = chosen(rows, day)
            until = chain[1] if len(chain) > 1 else chain[0] + DAY
            wishes = [row for row in rows if row[1] == "wishlist_add" and chain[0] <= row[0] <= until]
            wished += bool(wishes)
            for step in range(len(chain)):
                reached[step] += 1
            ends[len(chain), end(rows, chain, wishes[0] if wishes else None)] += 1
    print("reached", reached, "wishlist", wished)
    for (level, state), sessions_ended in sorted(ends.items()):
        print(level, state, sessions_ended)


main()
