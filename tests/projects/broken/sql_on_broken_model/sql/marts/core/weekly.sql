select date, visitor from daily_core
