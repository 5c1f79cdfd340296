select
    date,
    platform,
    sum(1) as visitors,
    -- The sum of whole numbers above is right, this one is not.
    sum(cast(amount as double)) as paid
from events
where date between $start and $end
group by date, platform
