select date, user_id from events where date <= $complete_through
