-- Pages opened in single-page mode (scene 1154): a shared page that is looked at without logging in. Nobody
-- knows who looks, so these views are no visitor's, stand in no session and in no other table.
select
    date,
    coalesce(nullif(page, ''), '(none)') as page,
    count(*) as page_views
from events
where date between $start and $end
    and event = 'page_view'
    and scene = 1154
    and user_id is null
group by date, coalesce(nullif(page, ''), '(none)')
