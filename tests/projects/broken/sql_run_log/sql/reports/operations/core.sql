select date, sum(visitors) as visitors
from _loudou.log
group by date
