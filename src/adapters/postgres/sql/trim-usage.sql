-- Hours wholly before the cut go; the hour of the cut keeps the share of what is left of it.
WITH gone AS (DELETE FROM bloques_uso WHERE instance_id = $1 AND hora < $2)
UPDATE bloques_uso SET filas = filas * $3::double precision, bytes = bytes * $3::double precision
WHERE instance_id = $1 AND hora = $2
