-- How many rows the whole list has.
SELECT count(*) FROM (/* include earning_list */) AS e
