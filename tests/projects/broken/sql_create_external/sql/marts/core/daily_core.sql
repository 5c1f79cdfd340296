create external table raw stored as csv location 'raw.csv'
