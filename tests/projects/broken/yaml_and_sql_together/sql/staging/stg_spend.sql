select date, chanel from spend
