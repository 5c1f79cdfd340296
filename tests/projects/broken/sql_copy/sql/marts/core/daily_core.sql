-- Writes a file.
copy (select * from events) to 'out.parquet'
