select date, visitors from daily_core
