-- One award.
SELECT l.* FROM (/* include list */) AS l
WHERE l.kind = :kind AND l.source_key = :source_key AND l.component = :component
