-- How many rows the whole list has.
SELECT count(*) FROM (/* include received_list */) AS e
