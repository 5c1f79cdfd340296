select date, user_id
from events
join int_a using (date, user_id)
