-- Which page follows which on the report's day; '(exit)' where the session ends.
select
    page,
    next_page,
    views,
    share
from page_flow
where date = $date
order by views desc, page, next_page
