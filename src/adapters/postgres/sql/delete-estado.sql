DELETE FROM {table} AS e
USING unnest($1::text[], $2::text[]) AS k (clase, id)
WHERE e.clase = k.clase AND e.id = k.id AND e.epoca < $3
