select platform, sum(visitors) as visitors from daily_core group by platform
