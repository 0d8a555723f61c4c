SELECT count(*) FROM (/* include own_people */) AS every_one
