#!/usr/bin/env python3
"""Recounts the tables of behaviour and traffic from a demo project's raw files, independently of loudou.

Sessions and unique events are those of recount_demo.py; everything behind them is counted here in another
way than the models do it: scrolls find their view by ASOF joins, bins by dividing decimals, paths by
lists, and the change of a rate is taken apart in fractions. What is declared (outline of pages, marked
dates) is read from the project's own SQL. Needs DuckDB (written with 2.0.0).

    recount_behaviour.py PROJECT [WAREHOUSE]          list each difference from the published Parquet

Exit code 0: nothing differs. 1: something does; each difference stands on a line of its own.
"""

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import duckdb

import recount_demo
from recount_published import select, told

CONVERSION = "event in ('pay', 'course_pay')"
LEAST_EFFECTIVE_RATE = Fraction(5, 100)
LEAST_SESSIONS_OF_A_PATH = 10


def load(db, project, zone, last_date, late_days):
    recount_demo.load(db, project, zone, last_date, late_days)
    recount_demo.sessions(db, zone)
    db.execute("""
        create table touch as
        select *, row_number() over (partition by user_id order by us, event_id) as place_of_user from in_session""")


def spend(db, project, dates):
    files = [str(path) for date in dates if (path := Path(project) / "raw" / "spend" / f"{date}.csv").is_file()]
    db.execute("""
        create table cost as
        select date, channel, sum(spend) as spend from read_csv(?, header = true, auto_detect = false, quote = '"',
            escape = '"', columns = {'date': 'DATE', 'channel': 'VARCHAR', 'campaign': 'VARCHAR',
            'impressions': 'BIGINT', 'clicks': 'BIGINT', 'spend': 'DECIMAL(14, 2)'}) group by all""", [files])


def published(db, warehouse, table, columns):
    parts = warehouse / table / "dt=*" / "data.parquet"
    if not list(warehouse.glob(f"{table}/dt=*/data.parquet")):
        parts = warehouse / table / "data.parquet"
    return (f"select {columns} from read_parquet('{parts}', hive_partitioning = false, union_by_name = true)")


def same_rows(db, table, ours, theirs):
    """A line for each kind of row that only one of them has; says how many rows were compared."""
    rows = db.execute(f"select count(*) from ({theirs})").fetchone()[0]
    print(f"{table}: {rows} rows", file=sys.stderr)
    if not rows:
        yield f"{table}: nothing is published"
    for name, one, other in [("missing", ours, theirs), ("unexpected", theirs, ours)]:
        found = db.execute(f"select * from (({one}) except all ({other})) order by all").fetchall()
        if found:
            yield f"{table}: {len(found)} {name} rows, for example {', '.join(map(str, found[0]))}"


def single_pages(db, warehouse):
    ours = """
        select date, coalesce(nullif(page, ''), '(none)') as page, count(*) as page_views
        from event where event = 'page_view' and user_id is null and scene = '1154' group by all"""
    yield from same_rows(db, "single_page_daily", ours,
                         published(db, warehouse, "single_page_daily", "date, page, page_views"))
    together = """
        select date, count(*) as page_views from event
        where event = 'page_view' and not (user_id is null and scene is not distinct from '1154') group by all"""
    core = published(db, warehouse, "daily_core", "date, page_views, platform")
    yield from same_rows(db, "daily_core.page_views", together,
                         f"select date, page_views from ({core}) where platform = 'all'")


def scrolls(db, warehouse):
    db.execute("""
        create table seen as
        with opened as (
            select user_id, session, session_date as date, page, place_of_user from touch where event = 'page_view'
        ), told as (
            select user_id, session, page, place_of_user, greatest(0, least(100, scroll_pct)) as depth
            from touch where event = 'scroll' and scroll_pct is not null
        ), matched as (
            select opened.user_id, opened.page, opened.place_of_user, max(told.depth) as depth
            from told asof join opened
                on told.user_id = opened.user_id and told.session = opened.session and told.page = opened.page
               and told.place_of_user >= opened.place_of_user
            group by all
        )
        select opened.date, opened.page, coalesce(depth, 0) as depth, depth is not null as is_scrolled
        from opened left join matched using (user_id, page, place_of_user)""")
    db.execute("create table tracked as select date, page from seen group by all having bool_or(is_scrolled)")
    depth = """
        select date, page, scroll_pct, count(*) filter (depth >= scroll_pct) as views_reaching, count(*) as views,
               count(*) filter (is_scrolled) as scrolled_views, count(*) filter (depth >= scroll_pct) / count(*) as share
        from seen join tracked using (date, page) cross join range(0, 101, 10) as marks(scroll_pct) group by all"""
    yield from same_rows(db, "scroll_depth", depth, published(
        db, warehouse, "scroll_depth", "date, page, scroll_pct, views_reaching, views, scrolled_views, share"))
    blocks = """
        select date, page, block_no, block, from_pct, to_pct, count(*) as views,
               count(*) filter (depth >= from_pct) as reached, count(*) filter (depth >= from_pct) / count(*) as share
        from seen join tracked using (date, page) join declared_blocks using (page) group by all"""
    yield from same_rows(db, "scroll_blocks", blocks, published(
        db, warehouse, "scroll_blocks", "date, page, block_no, block, from_pct, to_pct, views, reached, reached_share"))


def taps(db, warehouse):
    db.execute("""
        create table tapped as
        select date, user_id, page, coalesce(nullif(element, ''), '(none)') as element,
               case when not coalesce(screen_width > 0, false) then '(none)' when screen_width <= 374 then 'compact'
                    when screen_width <= 429 then 'regular' else 'wide' end as screen_class,
               floor(x / nullif(screen_width, 0)::decimal(18, 4) * 12) as across,
               floor(y / nullif(page_height, 0)::decimal(18, 4) * 24) as down
        from touch where event = 'tap'""")
    heat = """
        select date, page, screen_class, greatest(0, least(11, across))::bigint as grid_x,
               greatest(0, least(23, down))::bigint as grid_y, count(*) as taps, count(distinct user_id) as users
        from tapped where across is not null and down is not null group by all"""
    yield from same_rows(db, "tap_heat", heat, published(
        db, warehouse, "tap_heat", "date, page, screen_class, grid_x, grid_y, taps, users"))
    elements = """
        select date, page, screen_class, element, count(*) as taps,
               count(*) filter (across is not null and down is not null) as placed_taps,
               count(distinct user_id) as users
        from tapped group by all"""
    yield from same_rows(db, "tap_elements", elements, published(
        db, warehouse, "tap_elements", "date, page, screen_class, element, taps, placed_taps, users"))


def paths(db, warehouse):
    db.execute(f"""
        create table trodden as
        with visits as (
            select user_id, session, session_date as date, bool_or({CONVERSION}) as is_converted,
                   list(page order by us, event_id) filter (event = 'page_view') as pages
            from touch group by all having count(*) filter (event = 'page_view') > 0
        ), collapsed as (
            select date, is_converted,
                   list_filter(pages, lambda page, place: place = 1 or page <> pages[place - 1])[1:6] as pages
            from visits
        ), counted as (
            select date, array_to_string(pages, ' › ') as path, len(pages) as length, count(*) as sessions,
                   count(*) filter (is_converted) as converted
            from collapsed group by all
        )
        select date, if(sessions < {LEAST_SESSIONS_OF_A_PATH}, '(other)', path) as path,
               if(sessions < {LEAST_SESSIONS_OF_A_PATH}, null, length) as length,
               sum(sessions)::bigint as sessions, sum(converted)::bigint as converted
        from counted group by all""")
    theirs = published(db, warehouse, "top_paths", "date, path, length, sessions, converted_sessions as converted, lift")
    yield from same_rows(db, "top_paths", "select date, path, length, sessions, converted from trodden",
                         f"select date, path, length, sessions, converted from ({theirs})")
    lifts = {(row["date"], row["path"]): row["lift"] for row in select(db, theirs)}
    for row in select(db, """
            select date, path, sessions, converted, sum(sessions) over (partition by date)::bigint as all_sessions,
                   sum(converted) over (partition by date)::bigint as all_converted from trodden"""):
        others, all_others = row["sessions"] - row["converted"], row["all_sessions"] - row["all_converted"]
        lift = None
        if others and row["all_converted"]:
            lift = float(Fraction(row["converted"], row["all_converted"]) / Fraction(others, all_others))
        yield from told(f"top_paths/{row['date']}/{row['path']}/lift", lift, lifts.get((row["date"], row["path"])))


def traffic(db, warehouse):
    db.execute(f"""
        create table quality as
        with came as (
            select date, user_id, arg_min(channel, (us, event_id)) as channel, bool_or({recount_demo.EFFECTIVE}) as is_effective,
                   bool_or(event = 'pay') as is_payer, coalesce(sum(amount) filter (event = 'pay'), 0) as paid
            from event where user_id is not null group by all
        ), keys as (
            select distinct date, channel from came union select distinct date, channel from cost
        ), counted as (
            select date, channel, count(*) as visitors, count(*) filter (is_effective) as effective_users,
                   count(*) filter (is_payer) as payers, sum(paid) as revenue
            from came group by all
        )
        select date, channel, coalesce(visitors, 0) as visitors, coalesce(effective_users, 0) as effective_users,
               coalesce(payers, 0) as payers, coalesce(revenue, 0)::decimal(18, 2) as revenue,
               coalesce(spend, 0)::decimal(18, 2) as spend
        from keys left join counted using (date, channel) left join cost using (date, channel)""")
    columns = "date, channel, visitors, effective_users, payers, revenue::decimal(18, 2) as revenue, spend::decimal(18, 2) as spend"
    yield from same_rows(db, "traffic_quality", f"select {columns} from quality",
                         published(db, warehouse, "traffic_quality", columns))
    for row in select(db, published(db, warehouse, "traffic_quality", "*")):
        rate = Fraction(row["effective_users"], row["visitors"]) if row["visitors"] else None
        where = f"traffic_quality/{row['date']}/{row['channel']}"
        yield from told(f"{where}/effective_rate", None if rate is None else float(rate), row["effective_rate"])
        is_ineffective = row["spend"] > 0 and (rate is None or rate < LEAST_EFFECTIVE_RATE)
        yield from told(f"{where}/is_ineffective", is_ineffective, row["is_ineffective"])


def comparison(db, warehouse):
    theirs = {(row["mark"], row["channel"]): row for row in select(db, published(db, warehouse, "traffic_comparison", "*"))}
    print(f"traffic_comparison: {len(theirs)} rows", file=sys.stderr)
    for mark, marked_date, days in db.execute("select mark, marked_date, days from declared_marks").fetchall():
        sides = []
        for first, last in [(-days, -1), (0, days - 1)]:
            span = f"date between date '{marked_date}' + {first} and date '{marked_date}' + {last}"
            if db.execute(f"select count(distinct date) from quality where {span}").fetchone()[0] < days:
                break
            sides.append({row.pop("channel"): row for row in select(db, f"""
                select channel, sum(visitors)::bigint as visitors, sum(effective_users)::bigint as effective_users,
                       sum(payers)::bigint as payers, sum(revenue)::decimal(18, 2) as revenue, sum(spend)::decimal(18, 2) as spend
                from quality where {span} group by all""")})
        if len(sides) < 2:
            continue
        yield from one_comparison(mark, sides, theirs)
    for mark, channel in theirs:
        yield f"traffic_comparison/{mark}/{channel}: unexpected row"


def one_comparison(mark, sides, theirs):
    totals = [sum(row["visitors"] for row in side.values()) for side in sides]
    effective = [sum(row["effective_users"] for row in side.values()) for side in sides]
    of_all = [Fraction(*pair) for pair in zip(effective, totals)]
    sums = [Fraction(0), Fraction(0)]
    for channel in sorted(sides[0].keys() | sides[1].keys()):
        row = theirs.pop((mark, channel), {})
        counts = [side.get(channel, {}) for side in sides]
        for name in ["visitors", "effective_users", "payers", "revenue", "spend"]:
            for when, count in zip(["before", "after"], counts):
                yield from told(f"traffic_comparison/{mark}/{channel}/{name}_{when}", count.get(name, 0), row.get(f"{name}_{when}"))
        came = [count.get("visitors", 0) for count in counts]
        rates = [Fraction(count["effective_users"], count["visitors"]) if count.get("visitors") else None for count in counts]
        shares = [Fraction(*pair) for pair in zip(came, totals)]
        known = [rate for rate in rates if rate is not None] or [Fraction(0)]
        filled = [rate if rate is not None else known[0] for rate in rates]
        effects = [
            (shares[1] - shares[0]) * (sum(filled) - sum(of_all)) / 2,
            sum(shares) / 2 * (filled[1] - filled[0]),
        ]
        sums = [total + effect for total, effect in zip(sums, effects)]
        for name, effect in zip(["mix_effect", "rate_effect"], effects):
            if abs(Fraction(row[name]) - effect) > Fraction(1, 10**12):
                yield f"traffic_comparison/{mark}/{channel}/{name}: recounted {float(effect)}, published {row[name]}"
    assert sums[0] + sums[1] == of_all[1] - of_all[0]
    row = theirs.pop((mark, "all"))
    rounding = Fraction(len(sides[0].keys() | sides[1].keys()), 10**12)
    for name, effect in [("mix_effect", sums[0]), ("rate_effect", sums[1]), ("change", sum(sums))]:
        if abs(Fraction(row[name]) - effect) > rounding:
            yield f"traffic_comparison/{mark}/all/{name}: recounted {float(effect)}, published {row[name]}"
    for when, total in zip(["before", "after"], totals):
        yield from told(f"traffic_comparison/{mark}/all/visitors_{when}", total, row[f"visitors_{when}"])
    print(f"{mark}: {float(of_all[0]):.6f} to {float(of_all[1]):.6f}, mix {float(sums[0]):+.6f}, "
          f"rate {float(sums[1]):+.6f}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path, help="folder that holds raw/ and sql/")
    parser.add_argument("warehouse", type=Path, nargs="?", help="folder of published tables")
    parser.add_argument("--zone", default="Asia/Shanghai", help="the project's time zone")
    arguments = parser.parse_args()
    project = arguments.project
    warehouse = arguments.warehouse or project / "warehouse"

    db = duckdb.connect()
    load(db, project, arguments.zone, None, 3)
    dates = [str(row[0]) for row in db.execute("select distinct path_date from line order by 1").fetchall()]
    spend(db, project, dates)
    for name, model in [("declared_blocks", "int_page_blocks"), ("declared_marks", "int_marked_dates")]:
        declared = (project / "sql" / "intermediate" / f"{model}.sql").read_text()
        db.execute(f"create table {name} as {declared}")
    found = 0
    for compare in [single_pages, scrolls, taps, paths, traffic, comparison]:
        for line in compare(db, warehouse):
            found += 1
            print(line)
    print(f"{found} differences over {len(dates)} dates", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
