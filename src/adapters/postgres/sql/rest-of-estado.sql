-- How many rows of a tramo stay valid once the given keys are replaced.
SELECT count(*) AS filas
FROM {table} AS e
WHERE NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS k (clase, id) WHERE k.clase = e.clase AND k.id = e.id)
