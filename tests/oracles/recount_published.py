"""The part of recount_demo.py that compares the recount with published Parquet tables."""

import math

REQUIRED = ["events", "daily_core", "page_daily", "funnel_steps"]
OPTIONAL = ["page_flow", "spend", "int_sessions", "int_page_views", "user_days", "user_milestones"]
CORE = ["visitors", "new_users", "sessions", "page_views", "registrations", "new_registrations", "payers",
        "new_payers", "orders", "paid_gmv", "exposed", "pay_conversion"]  # fmt: skip
PAGE = ["views", "visitors", "entries", "exits", "bounces", "median_dwell_us"]
BREAKDOWNS = ["overall", "platform", "platform,channel"]


def differences(db, drawn, warehouse):
    """Yields a line for each difference between the recount and the published tables."""
    published = set()
    for table in REQUIRED + OPTIONAL:
        if any(warehouse.glob(f"{table}/dt=*/data.parquet")):
            glob = warehouse / table / "dt=*" / "data.parquet"
            db.execute(f"create or replace view published_{table} as select * from "
                       f"read_parquet('{glob}', hive_partitioning = false, union_by_name = true)")
            published.add(table)
        elif table in REQUIRED:
            yield f"{table}: not published"
    for table, compare in [("events", events), ("daily_core", daily_core), ("page_daily", page_daily),
                           ("page_flow", page_flow), ("funnel_steps", funnel_steps), ("spend", spend),
                           ("int_sessions", int_sessions), ("int_page_views", int_page_views),
                           ("user_days", user_days), ("user_milestones", user_milestones)]:
        if table in published:
            yield from compare(db, drawn)


def select(db, sql):
    cursor = db.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def told(where, recounted, published):
    """A difference as a line, or nothing."""
    if isinstance(recounted, float) and isinstance(published, float):
        same = math.isclose(recounted, published, rel_tol=1e-9)
    else:
        same = recounted == published
    return [] if same else [f"{where}: recounted {recounted}, published {published}"]


def events(db, drawn):
    columns = ("date, epoch_us({time}) as us, event, event_id, user_id, platform, channel, {scene}, page, "
               "product_id, course_id, order_id, {amount}, field, element, x, y, screen_width, page_height, "
               "scroll_pct")
    ours = "select " + columns.format(time="event_time", scene="scene::bigint as scene", amount="amount") + " from event"
    # A published timestamp without zone is UTC.
    theirs = "select " + columns.format(
        time="event_time", scene="scene::bigint as scene", amount="amount::decimal(12, 2) as amount"
    ) + " from published_events"
    for name, one, other in [("missing", ours, theirs), ("unexpected", theirs, ours)]:
        found = select(db, f"select date::text as date, count(*) as rows, any_value(event_id) as example "
                           f"from ({one} except all {other}) group by 1 order by 1")
        for row in found:
            yield f"events/{row['date']}: {row['rows']} {name} rows, for example event_id {row['example']}"
    misplaced = select(db, """
        select p.date::text as date, count(*) as rows, any_value(p.event_id) as example
        from published_events p join event e on p.event_id = e.event_id and p.date = e.date
        where not ends_with(p.source_object, e.object) or p.source_offset <> e.place
           or p.source_user_id is distinct from p.user_id
        group by 1 order by 1""")
    for row in misplaced:
        yield (f"events/{row['date']}: {row['rows']} rows name another object, offset or source user, "
               f"for example event_id {row['example']}")
    unsorted = select(db, """
        select date::text as date, count(*) as rows from (
            select date, (user_key, coalesce(user_id, ''), event_time, event_id) as place,
                   lag((user_key, coalesce(user_id, ''), event_time, event_id))
                       over (partition by date order by file_row_number) as before
            from (select *, row_number() over () as file_row_number from published_events))
        where before > place group by 1 order by 1""")
    for row in unsorted:
        yield f"events/{row['date']}: {row['rows']} rows stand out of the canonical order"


def daily_core(db, drawn):
    published = {}
    for row in select(db, """
            select * replace (date::text as date, paid_gmv::decimal(18, 2)::text as paid_gmv)
            from published_daily_core"""):
        published[row["date"], row["platform"]] = row
    nothing = {"paid_gmv": "0.00", "pay_conversion": None}
    for date, segments in drawn["daily_core"].items():
        for segment, core in segments.items():
            row = published.pop((date, segment), None)
            if row is None and segment == "all":
                yield f"daily_core/{date}/{segment}: no row"
            for column in CORE:
                value = row[column] if row else nothing.get(column, 0)
                recounted = core[column]
                if column == "page_views":
                    # Views without a user are those of the single-page mode, which stand apart.
                    recounted -= core["page_views_without_user"]
                yield from told(f"daily_core/{date}/{segment}/{column}", recounted, value)
    for date, segment in published:
        yield f"daily_core/{date}/{segment}: unexpected row"


def user_days(db, drawn):
    """Users have one platform and channel here, as the recount makes sure of."""
    ours = """
        select date, user_id, count(*) as events, count(*) filter (event = 'page_view') as page_views,
               count(*) filter (event = 'pay') as payments,
               coalesce(sum(amount) filter (event = 'pay'), 0)::decimal(18, 2) as paid,
               min(us) as first_us, max(us) as last_us, min(platform) as platform, min(channel) as channel,
               min(us) filter (event = 'register') as registration_us, min(us) filter (event = 'login') as login_us,
               min(us) filter (event = 'pay') as payment_us,
               min(platform) filter (event = 'pay') as payment_platform
        from event where user_id is not null group by all"""
    theirs = """
        select date, user_id, events, page_views, payments, paid, epoch_us(first_event_time), epoch_us(last_event_time),
               platform, channel, epoch_us(registration_time), epoch_us(login_time), epoch_us(payment_time),
               payment_platform
        from published_user_days"""
    yield from same_rows(db, "user_days", ours, theirs)


def user_milestones(db, drawn):
    ours = " union all ".join(f"""
        select arg_min(date, us) as date, user_id, '{milestone}' as milestone, min(us) as us,
               min(platform) as platform, min(channel) as channel
        from event where user_id is not null and {condition} group by user_id""" for milestone, condition in [
        ("first_seen", "true"), ("registration", "event = 'register'"), ("first_payment", "event = 'pay'")])
    theirs = "select date, user_id, milestone, epoch_us(event_time), platform, channel from published_user_milestones"
    yield from same_rows(db, "user_milestones", ours, theirs)


def same_rows(db, table, ours, theirs):
    for name, one, other in [("missing", ours, theirs), ("unexpected", theirs, ours)]:
        for row in select(db, f"select date::text as date, count(*) as rows, any_value(user_id) as example "
                              f"from (({one}) except all ({other})) group by 1 order by 1"):
            yield f"{table}/{row['date']}: {row['rows']} {name} rows, for example user {row['example']}"


def page_daily(db, drawn):
    published = {}
    for row in select(db, "select * replace (date::text as date) from published_page_daily"):
        published[row["date"], row["page"]] = row
    for date, pages in drawn["page_daily"].items():
        for page, counts in pages.items():
            row = published.pop((date, page), {})
            for column in PAGE:
                yield from told(f"page_daily/{date}/{page}/{column}", counts[column], row.get(column))
            yield from told(f"page_daily/{date}/{page}/exit_rate", counts["exits"] / counts["views"], row.get("exit_rate"))
    for (date, page), row in published.items():
        if row["views"]:
            yield f"page_daily/{date}/{page}: unexpected row"


def page_flow(db, drawn):
    published = {}
    for row in select(db, "select date::text as date, page, next_page, views from published_page_flow"):
        published[row["date"], row["page"], row["next_page"]] = row["views"]
    for date, pages in drawn["page_flow"].items():
        for page, following in pages.items():
            for next_page, views in following.items():
                yield from told(f"page_flow/{date}/{page}/{next_page}", views, published.pop((date, page, next_page), 0))
    for (date, page, next_page), views in published.items():
        if views:
            yield f"page_flow/{date}/{page}/{next_page}: unexpected row"


def funnel_steps(db, drawn):
    published = {}
    for row in select(db, "select * replace (date::text as date) from published_funnel_steps"):
        key = (row["funnel"], row["date"], row["breakdown"], row["segment"], row["basis"])
        published.setdefault(key, {})[row["step_no"]] = row
    for funnel, dates in drawn["funnels"].items():
        for date, segments in dates.items():
            for segment, bases in segments.items():
                breakdown = "overall" if segment == "all" else BREAKDOWNS[1 + segment.count(",")]
                for basis, reached in bases.items():
                    steps = published.pop((funnel, date, breakdown, segment, basis), {})
                    where = f"funnel_steps/{funnel}/{date}/{segment}/{basis}"
                    yield from funnel_rows(where, reached, steps)
    for (funnel, date, _, segment, basis), steps in published.items():
        if any(row["reached"] for row in steps.values()):
            yield f"funnel_steps/{funnel}/{date}/{segment}/{basis}: unexpected rows"


def funnel_rows(where, reached, steps):
    if not steps and not any(reached or []):
        return
    for number in range(1, 6):
        row = steps.get(number)
        if row is None:
            yield f"{where}/{number}: no row"
            continue
        yield from told(f"{where}/{number}/is_mature", reached is not None, row["is_mature"])
        if reached is None:
            yield from told(f"{where}/{number}/reached", None, row["reached"])
            yield from told(f"{where}/{number}/step_rate", None, row["step_rate"])
            continue
        entrants, here = reached[0], reached[number - 1]
        yield from told(f"{where}/{number}/entrants", entrants, row["entrants"])
        yield from told(f"{where}/{number}/reached", here, row["reached"])
        yield from told(f"{where}/{number}/overall_rate", here / entrants if entrants else None, row["overall_rate"])
        if number > 1:
            before = reached[number - 2]
            yield from told(f"{where}/{number}/previous_reached", before, row["previous_reached"])
            yield from told(f"{where}/{number}/step_rate", here / before if before else None, row["step_rate"])


def spend(db, drawn):
    published = {row["date"]: row for row in select(db, """
        select date::text as date, count(*) as rows, sum(impressions)::bigint as impressions,
               sum(clicks)::bigint as clicks, sum(spend)::decimal(18, 2)::text as spend
        from published_spend group by 1""")}
    for date, counts in drawn["spend"].items():
        row = published.get(date, {"rows": 0, "impressions": 0, "clicks": 0, "spend": "0.00"})
        for column, value in counts.items():
            yield from told(f"spend/{date}/{column}", value, row[column])


def int_sessions(db, drawn):
    ours = ("select session_date as date, user_id, epoch_us(min(event_time)) as start, epoch_us(max(event_time)) as end_, "
            "count(*) as events, count(*) filter (event = 'page_view') as page_views "
            "from in_session group by user_id, session, session_date")
    theirs = ("select date, user_id, epoch_us(start_time), epoch_us(end_time), events, page_views "
              "from published_int_sessions where user_id is not null")
    yield from set_difference(db, "int_sessions", ours, theirs)


def int_page_views(db, drawn):
    ours = "select date, user_id, page, next_page, is_entry, is_exit, is_entry and is_exit as is_bounce from view"
    theirs = ("select date, user_id, page, next_page, is_entry, is_exit, is_bounce from published_int_page_views "
              "where user_id is not null")
    yield from set_difference(db, "int_page_views", ours, theirs)


def set_difference(db, table, ours, theirs):
    for name, one, other in [("missing", ours, theirs), ("unexpected", theirs, ours)]:
        for row in select(db, f"select date::text as date, count(*) as rows, any_value(user_id) as example "
                              f"from (({one}) except all ({other})) group by 1 order by 1"):
            yield f"{table}/{row['date']}: {row['rows']} {name} rows, for example user_id {row['example']}"
