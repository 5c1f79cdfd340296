-- Dates from which on something is different: traffic_comparison sets the days from such a date on against
-- as many days before it. Add a line for each. The one here is the demo's: spending ended on two channels
-- that brought visitors who did nothing.
select
    mark,
    marked_date,
    days
from (values
    ('traffic_change', date '2026-11-08', 14)
) as marks(mark, marked_date, days)
