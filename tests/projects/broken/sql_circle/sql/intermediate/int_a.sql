select date, user_id
from int_b
