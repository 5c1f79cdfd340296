-- Dates from which on something is different, here the end of spending on two channels that brought
-- visitors who did nothing. traffic_comparison sets
-- the days from such a date on against as many days before it. Add a line for each.
select
    mark,
    marked_date,
    days
from (values
    ('traffic_change', date '2026-11-08', 14)
) as marks(mark, marked_date, days)
