#!/usr/bin/env python3
"""Recounts a demo project's raw files in SQL, independently of the generator and of loudou.

Reads nothing but `raw/events/dt=*/hour=*/*.ndjson.gz` and `raw/spend/*.csv` under a project folder and
prints the same counts as the `drawn` part of the generator's truth, as JSON. Needs DuckDB (written with
2.0.0); the rules are those of the demo's documentation, the SQL is joins and window functions.

    recount_demo.py PROJECT                           print the counts
    recount_demo.py PROJECT --compare truth.json      list each difference from the truth
    recount_demo.py PROJECT --published WAREHOUSE     list each difference from the published Parquet

Exit code 0: nothing differs. 1: something does; each difference stands on a line of its own.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import duckdb

import recount_published

FIELDS = [
    "event_id", "ts", "event", "openid", "platform", "channel", "scene", "page", "product_id", "course_id",
    "order_id", "amount", "field", "element", "x", "y", "screen_width", "page_height", "scroll_pct",
]  # fmt: skip

# What makes a visitor effective (case A6).
EFFECTIVE = "event in ('register', 'login', 'article_open')"

# name, condition of each step, window in hours, whether it is broken down by channel too
FUNNELS = [
    ("shop", ["event = 'exposure'", "event = 'click'", "event in ('register', 'login')",
              "event = 'add_to_cart'", "event = 'pay'"], 24, True),
    ("course", ["event = 'article_open'", "event = 'course_view'", "event = 'trial_finish'",
                "event = 'course_pay'", "event = 'course_repurchase'"], 7 * 24, False),
]  # fmt: skip


def load(db, project, zone, last_date, late_days):
    """Tables `line` (every raw line, judged) and `event` (the unique events)."""
    db.execute(f"set timezone = '{zone}'")
    base = Path(project) / "raw" / "events"
    files = sorted(str(path) for path in base.glob("dt=*/hour=*/*.ndjson.gz"))
    files = [file for file in files if last_date is None or file.split("dt=")[1][:10] <= last_date]
    if not files:
        sys.exit(f"no raw events under {base}")
    db.execute(
        """
        create table raw as
        select line, row_number() over () as number, substr(filename, length(?) + 2) as object
        from read_csv(?, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false,
                      delim = '\x01', quote = '', escape = '', filename = true, max_line_size = 10000000)
        """,
        [str(base), files],
    )
    parsed = ", ".join(f"case when is_object then json_extract_string(line, '$.{field}') end as {field}" for field in FIELDS)
    db.execute(
        f"""
        create table line as
        with typed as (
            select *, coalesce(trim(line), '') = '' as is_blank,
                   -- Where the line begins in its decompressed object.
                   coalesce(sum(coalesce(strlen(line), 0) + 1) over (
                       partition by object order by number rows between unbounded preceding and 1 preceding), 0
                   )::bigint as place,
                   coalesce(json_valid(line), false) as is_json,
                   coalesce(case when json_valid(line) then json_type(line) = 'OBJECT' end, false) as is_object,
                   regexp_extract(object, 'dt=([0-9-]+)', 1)::date as path_date
            from raw
        ), fields as (
            select * exclude (line), {parsed} from typed
        ), timed as (
            select *, try_cast(ts as timestamptz) as event_time from fields
        ), dated as (
            select *, timezone('{zone}', event_time)::date as date from timed
        )
        select *,
            case when is_blank then 'blank'
                 when not is_json then 'cut'
                 when not is_object then 'not_object'
                 when ts is null then 'time_missing'
                 when event_time is null then 'time_unreadable'
                 when event is null then 'event_missing'
                 when path_date - date > {late_days} then 'too_late'
                 else 'event' end as judged
        from dated
        """
    )
    # The winner among lines of one id and date: smallest by (time, object, place in the object).
    db.execute(
        """
        create table event as
        select event_id, event_time, epoch_us(event_time) as us, date, event, openid as user_id, platform,
               channel, scene, page, product_id, course_id, order_id, amount::decimal(12, 2) as amount,
               field, element, x::bigint as x, y::bigint as y, screen_width::bigint as screen_width,
               page_height::bigint as page_height, scroll_pct::bigint as scroll_pct, object, place
        from line where judged = 'event'
        qualify row_number() over (partition by event_id, date order by event_time, object, place) = 1
        """
    )
    db.execute("create table day as select distinct path_date as date from line order by 1")
    mixed = db.execute(
        "select count(*) from (select user_id from event where user_id is not null group by 1 "
        "having count(distinct platform) > 1 or count(distinct channel) > 1)"
    ).fetchone()[0]
    if mixed:
        sys.exit(f"{mixed} users have several platforms or channels: the recount's segments do not know which counts")


def sessions(db, zone):
    """Tables `in_session` (each event with its session's number and date) and `view` (page views)."""
    db.execute(
        """
        create table in_session as
        with gaps as (
            select *, us - lag(us) over (partition by user_id order by us, event_id) as gap_us
            from event where user_id is not null
        ), numbered as (
            select *, sum(case when gap_us is null or gap_us > 1800000000 then 1 else 0 end)
                          over (partition by user_id order by us, event_id rows unbounded preceding) as session
            from gaps
        )
        select *, first_value(date) over (partition by user_id, session order by us, event_id) as session_date
        from numbered
        """
    )
    # A session would be cut at a midnight after a whole local day without a pause; the demo has none.
    endless = db.execute(
        f"""
        select count(*) from (
            select user_id, date from in_session group by user_id, date
            having max(case when gap_us is null then 0 else gap_us end) <= 1800000000
               and min(event_time) - timezone('{zone}', date::timestamp) <= interval 30 minutes
               and timezone('{zone}', date + interval 1 day) - max(event_time) <= interval 30 minutes)
        """
    ).fetchone()[0]
    if endless:
        sys.exit(f"{endless} user-days have no pause: the recount does not cut sessions at midnight")
    db.execute(
        """
        create table view as
        with followed as (
            select *, lead(us) over (partition by user_id, session order by us, event_id) - us as dwell_us
            from in_session
        )
        select session_date as date, user_id, session, page, dwell_us,
               lead(page) over w as next_page,
               row_number() over w = 1 as is_entry,
               lead(page) over w is null as is_exit
        from followed where event = 'page_view'
        window w as (partition by user_id, session order by us, event_id)
        """
    )


def funnel(db, name, steps, window_hours, last_date):
    """Table `reached_<name>`: the deepest step per user and entry day, on both bases."""
    for number, condition in enumerate(steps, 1):
        db.execute(f"create or replace table step_{number} as select user_id, us, date, platform, channel "
                   f"from event where user_id is not null and ({condition})")
    # From every first step, each later step takes the earliest event not before the step behind it.
    # Equal times stand by step, so "not before" is enough, and no event belongs to two steps.
    chain = "select user_id, platform, channel, date as date_1, us as us_1 from step_1"
    for number in range(2, len(steps) + 1):
        chain = (f"select c.*, s.us as us_{number}, s.date as date_{number} from ({chain}) c "
                 f"asof left join step_{number} s on c.user_id = s.user_id and s.us >= c.us_{number - 1}")
    window_us = window_hours * 3_600_000_000
    in_time = [f"(us_{number} - us_1 <= {window_us})" for number in range(1, len(steps) + 1)]
    mature = " + ".join(f"coalesce({test}::int, 0)" for test in in_time)
    same_day = " + ".join(
        f"coalesce(({test} and date_{number} = date_1)::int, 0)" for number, test in enumerate(in_time, 1))
    db.execute(
        f"""
        create table reached_{name} as
        select user_id, min(platform) as platform, min(channel) as channel, date_1 as date,
               max({mature}) as mature, max({same_day}) as same_day
        from ({chain}) group by user_id, date_1
        """
    )
    due_days = math.ceil(window_hours / 24)
    db.execute(f"alter table reached_{name} add column is_due boolean")
    db.execute(f"update reached_{name} set is_due = date + {due_days} <= date '{last_date}'")
    return due_days


def forms(db, drawn):
    """The registration form: per user and day who starts it, who then signs in, who leaves at which field."""
    db.execute(
        """
        create table form as
        with start as (
            select user_id, date, min(us) as us from event
            where event = 'register_field' and field = 'phone' and user_id is not null group by all
        ), signed_in as (
            select s.user_id, s.date from start s join event e using (user_id, date)
            where e.event in ('register', 'login') and e.us >= s.us group by all
        )
        select s.date, s.user_id, e.field, i.user_id is not null as converts,
               row_number() over (partition by s.user_id, s.date order by e.us desc, e.event_id desc) = 1 as is_last
        from start s
        join event e on e.user_id = s.user_id and e.date = s.date and e.event = 'register_field' and e.us >= s.us
        left join signed_in i on i.user_id = s.user_id and i.date = s.date
        """
    )
    for row in rows(db, """
        select day.date::text as date, count(distinct user_id) as started,
               count(distinct user_id) filter (converts) as converted
        from day left join form using (date) group by 1"""):
        row.update(touched={}, left_at={})
        drawn["forms"][row.pop("date")] = row
    for row in rows(db, """
        select date::text as date, field, count(distinct user_id) as touched,
               count(*) filter (is_last and not converts) as left_at
        from form group by all"""):
        counts = drawn["forms"][row["date"]]
        counts["touched"][row["field"]] = row["touched"]
        if row["left_at"]:
            counts["left_at"][row["field"]] = row["left_at"]


def touches(db, drawn):
    """How far down pages are seen, by session's date, and what is tapped."""
    db.execute(
        """
        create table seen as
        with numbered as (
            select *, count(*) filter (event = 'page_view') over (
                partition by user_id, session order by us, event_id rows unbounded preceding) as view
            from in_session
        ), view as (
            select user_id, session, view, page, session_date from numbered where event = 'page_view'
        )
        select v.session_date as date, v.page, v.user_id, v.session, v.view, max(n.scroll_pct) as deepest
        from view v left join numbered n
          on n.user_id = v.user_id and n.session = v.session and n.view = v.view and n.event = 'scroll'
             and n.page = v.page
        group by all
        """
    )
    tenths = ", ".join(f"count(*) filter (deepest >= {tenth * 10})" for tenth in range(1, 11))
    for row in rows(db, f"""
        select date::text as date, page, count(*) as views, count(deepest) as scrolled, [{tenths}] as reaching,
               count(*) filter (deepest >= 38) as reaching_specification
        from seen group by all having count(deepest) > 0"""):
        drawn["scrolls"][row.pop("date")][row.pop("page")] = row
    for row in rows(db, """
        with tap as (
            select date::text as date, page, element,
                   least(x * 12 // screen_width, 11) || '/' || least(y * 24 // page_height, 23) as cell
            from event where event = 'tap' and user_id is not null
        )
        select date, page, element, cell, count(*) as taps from tap
        group by grouping sets ((date, page, element), (date, page, cell))"""):
        counts = drawn["taps"][row["date"]].setdefault(row["page"], {"elements": {}, "cells": {}})
        kind = "elements" if row["element"] is not None else "cells"
        counts[kind][row["element"] or row["cell"]] = row["taps"]


def rows(db, sql):
    """Rows as dictionaries, dates as text."""
    cursor = db.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def count(db, project, zone, last_date, late_days):
    """All counts, in the shape of the truth's `drawn`."""
    load(db, project, zone, last_date, late_days)
    sessions(db, zone)
    dates = [row["date"] for row in rows(db, "select date::text as date from day order by 1")]
    last_date = dates[-1]
    drawn = {
        "lines": {}, "events": {}, "daily_core": {}, "page_daily": {date: {} for date in dates},
        "page_flow": {date: {} for date in dates}, "funnels": {}, "forms": {},
        "scrolls": {date: {} for date in dates}, "taps": {date: {} for date in dates},
        "traffic": {date: {} for date in dates}, "single_page": {date: {} for date in dates}, "spend": {},
    }  # fmt: skip
    for row in rows(db, """
        select path_date::text as path, count(*) filter (judged <> 'blank') as lines,
               count(*) filter (judged = 'blank') as blank,
               count(*) filter (judged = 'event' and path_date > date) as late,
               count(*) filter (judged = 'too_late') as too_late
        from line group by path_date"""):
        path_date = row.pop("path")
        drawn["lines"][path_date] = {**row, "bad": {}}
    for row in rows(db, """
        select path_date::text as path, judged, count(*) as lines from line
        where judged not in ('blank', 'event', 'too_late') group by all"""):
        drawn["lines"][row["path"]]["bad"][row["judged"]] = row["lines"]

    for row in rows(db, """
        with accepted as (select date, count(*) as lines from line where judged = 'event' group by 1),
        spread as (select event_id from event group by 1 having count(*) > 1),
        uniques as (select date, count(*) as unique_events, count(s.event_id) as conflicts,
                           count(*) filter (user_id is null) as without_user
                    from event left join spread s using (event_id) group by 1)
        select day.date::text as date, coalesce(lines, 0) as lines, coalesce(unique_events, 0) as unique_events,
               coalesce(lines - unique_events, 0) as duplicates_removed, coalesce(conflicts, 0) as conflicts,
               coalesce(without_user, 0) as without_user
        from day left join accepted using (date) left join uniques using (date)"""):
        drawn["events"][row.pop("date")] = row

    for row in rows(db, """
        with segment as (select unnest(['all', 'ios', 'android']) as segment),
        daily as (
            select date, s.segment, count(distinct user_id) as visitors,
                   count(*) filter (event = 'page_view') as page_views,
                   count(*) filter (event = 'page_view' and user_id is null) as page_views_without_user,
                   count(distinct user_id) filter (event = 'register') as registrations,
                   count(distinct user_id) filter (event = 'pay') as payers,
                   count(*) filter (event = 'pay') as orders,
                   coalesce(sum(amount) filter (event = 'pay'), 0)::decimal(18, 2)::text as paid_gmv,
                   count(distinct user_id) filter (event = 'exposure') as exposed
            from event join segment s on s.segment in ('all', platform) group by all
        ), first as (
            -- Nothing of the same kind on any date before, from the user's rows themselves.
            select date, platform, user_id,
                   event = 'register' as is_registration, event = 'pay' as is_payment,
                   date = min(date) over (partition by user_id) as is_first_day,
                   date = min(date) filter (event = 'register') over (partition by user_id) as is_first_registration_day,
                   date = min(date) filter (event = 'pay') over (partition by user_id) as is_first_payment_day
            from event where user_id is not null
        ), first_daily as (
            select date, s.segment, count(distinct user_id) filter (is_first_day) as new_users,
                   count(distinct user_id) filter (is_registration and is_first_registration_day) as new_registrations,
                   count(distinct user_id) filter (is_payment and is_first_payment_day) as new_payers
            from first join segment s on s.segment in ('all', platform) group by all
        ), session as (
            select session_date as date, any_value(platform) as platform,
                   count(*) filter (event = 'page_view') as page_views
            from in_session group by user_id, session, session_date
        ), session_daily as (
            select date, s.segment, count(*) as sessions, count(*) filter (page_views = 1) as bounces
            from session join segment s on s.segment in ('all', platform) group by all
        )
        select day.date::text as date, segment.segment, coalesce(visitors, 0) as visitors,
               coalesce(new_users, 0) as new_users, coalesce(new_registrations, 0) as new_registrations,
               coalesce(new_payers, 0) as new_payers,
               coalesce(sessions, 0) as sessions, coalesce(bounces, 0) as bounces,
               coalesce(page_views, 0) as page_views,
               coalesce(page_views_without_user, 0) as page_views_without_user,
               coalesce(registrations, 0) as registrations, coalesce(payers, 0) as payers,
               coalesce(orders, 0) as orders, coalesce(paid_gmv, '0.00') as paid_gmv,
               coalesce(exposed, 0) as exposed,
               case when exposed > 0 then payers / exposed end as pay_conversion
        from day cross join segment left join daily using (date, segment)
             left join first_daily using (date, segment) left join session_daily using (date, segment)"""):
        drawn["daily_core"].setdefault(row.pop("date"), {})[row.pop("segment")] = row

    for row in rows(db, """
        select date::text as date, page, count(*) as views, count(distinct user_id) as visitors,
               count(*) filter (is_entry) as entries, count(*) filter (is_exit) as exits,
               count(*) filter (is_entry and is_exit) as bounces,
               median(dwell_us)::double as median_dwell_us
        from view group by all"""):
        drawn["page_daily"][row.pop("date")][row.pop("page")] = row
    for row in rows(db, """
        select date::text as date, page, coalesce(next_page, '(exit)') as next_page, count(*) as views
        from view group by all"""):
        drawn["page_flow"][row["date"]].setdefault(row["page"], {})[row["next_page"]] = row["views"]

    forms(db, drawn)
    touches(db, drawn)
    for row in rows(db, f"""
        select date::text as date, channel, count(distinct user_id) as visitors,
               count(distinct user_id) filter ({EFFECTIVE}) as effective_users,
               count(distinct user_id) filter (event = 'pay') as payers,
               coalesce(sum(amount) filter (event = 'pay'), 0)::decimal(18, 2)::text as revenue
        from event where user_id is not null group by all"""):
        drawn["traffic"][row.pop("date")][row.pop("channel")] = row
    for row in rows(db, """
        select date::text as date, page, count(*) as views from event
        where scene = '1154' and user_id is null and event = 'page_view' group by all"""):
        drawn["single_page"][row["date"]][row["page"]] = row["views"]

    for name, steps, window_hours, by_channel in FUNNELS:
        due_days = funnel(db, name, steps, window_hours, last_date)
        due = {row["date"] for row in rows(
            db, f"select date::text as date from day where date + {due_days} <= date '{last_date}'")}
        nobody = [0] * len(steps)
        counts = {
            date: {"all": {"same_day": nobody, "mature": nobody if date in due else None}} for date in dates}
        sets = "(date), (date, platform)" + (", (date, platform, channel)" if by_channel else "")
        reached = lambda basis: "[" + ", ".join(
            f"count(*) filter ({basis} >= {step})" for step in range(1, len(steps) + 1)) + "]"
        for row in rows(db, f"""
            select date::text as date, grouping(platform) as no_platform, grouping(channel) as no_channel,
                   platform, channel, bool_and(is_due) as is_due,
                   {reached('same_day')} as same_day, {reached('mature')} as mature
            from (select *, channel as channel_ from reached_{name}) group by grouping sets ({sets})"""
            if by_channel else f"""
            select date::text as date, grouping(platform) as no_platform, 1 as no_channel, platform,
                   null as channel, bool_and(is_due) as is_due,
                   {reached('same_day')} as same_day, {reached('mature')} as mature
            from reached_{name} group by grouping sets ({sets})"""):
            segment = "all" if row["no_platform"] else row["platform"]
            if not row["no_channel"]:
                segment += "," + row["channel"]
            counts[row["date"]][segment] = {
                "same_day": row["same_day"], "mature": row["mature"] if row["is_due"] else None}
        drawn["funnels"][name] = counts

    spend = [str(Path(project) / "raw" / "spend" / f"{date}.csv") for date in dates]
    db.execute(
        """
        create table spend as
        select * from read_csv(?, header = true, auto_detect = false, quote = '"', escape = '"', columns = {
            'date': 'DATE', 'channel': 'VARCHAR', 'campaign': 'VARCHAR', 'impressions': 'BIGINT',
            'clicks': 'BIGINT', 'spend': 'DECIMAL(14, 2)'})
        """,
        [spend],
    )
    for row in rows(db, """
        select day.date::text as date, count(channel) as rows, coalesce(sum(impressions), 0)::bigint as impressions,
               coalesce(sum(clicks), 0)::bigint as clicks, coalesce(sum(spend), 0)::decimal(18, 2)::text as spend
        from day left join spend using (date) group by 1"""):
        drawn["spend"][row.pop("date")] = row
    return drawn


def differences(one, other, path=""):
    """Each leaf that differs: (path, one's value, the other's)."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{path}/{key}")
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=1e-12):
            yield path, one, other
    elif one != other:
        yield path, one, other


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", help="folder that holds raw/")
    parser.add_argument("--zone", default="Asia/Shanghai", help="the project's time zone")
    parser.add_argument("--last-date", help="leave out objects of later path dates")
    parser.add_argument("--late-days", type=int, default=3, help="accepted days between event and path date")
    parser.add_argument("--compare", metavar="TRUTH", help="the generator's truth.json")
    parser.add_argument("--published", metavar="WAREHOUSE", help="folder of published tables")
    arguments = parser.parse_args()

    db = duckdb.connect()
    drawn = count(db, arguments.project, arguments.zone, arguments.last_date, arguments.late_days)
    if not arguments.compare and not arguments.published:
        json.dump(drawn, sys.stdout, ensure_ascii=False, indent=1)
        print()
        return 0
    found = 0
    if arguments.compare:
        truth = json.loads(Path(arguments.compare).read_text())["drawn"]
        for path, recounted, told in differences(drawn, truth):
            found += 1
            print(f"{path}: recounted {recounted}, the truth tells {told}")
    if arguments.published:
        for line in recount_published.differences(db, drawn, Path(arguments.published)):
            found += 1
            print(line)
    print(f"{found} differences over {len(drawn['events'])} dates", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
