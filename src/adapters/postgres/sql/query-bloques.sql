-- One ordered walk for each canal: the index holds the canal before the timestamp.
SELECT r.*
FROM (SELECT DISTINCT canal FROM bloques_uso WHERE instance_id = $1) AS c,
LATERAL (
  SELECT b.id, b.canal, b.num_entidades, b.fitness, b.timestamp, b.codec,
    CASE WHEN $6::boolean THEN b.mensajes END AS mensajes
  FROM bloques AS b
  WHERE b.instance_id = $1 AND b.id = $2 AND b.canal = c.canal AND b.timestamp >= $3 AND b.timestamp < $4
  ORDER BY b.timestamp DESC
  LIMIT $5
) AS r
ORDER BY r.timestamp DESC
LIMIT $5
