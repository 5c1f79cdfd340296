select platform from daily_core
