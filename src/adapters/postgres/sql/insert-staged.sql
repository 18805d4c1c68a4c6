-- Rows whose (id, canal, timestamp) is taken already (a clock set back) get the next free millisecond: one attempt at offset $1.
WITH added AS (
  INSERT INTO bloques (id, canal, num_entidades, fitness, timestamp, instance_id, mensajes, codec)
  SELECT DISTINCT ON (instance_id, id, canal, timestamp)
    id, canal, num_entidades, fitness, timestamp + $1::double precision / 1000, instance_id, mensajes, codec
  FROM corec_bloques_staging
  ORDER BY instance_id, id, canal, timestamp, orden
  ON CONFLICT DO NOTHING
  RETURNING instance_id, id, canal, timestamp
)
DELETE FROM corec_bloques_staging
WHERE orden IN (
  SELECT min(s.orden)
  FROM corec_bloques_staging AS s
  JOIN added AS a
    ON a.instance_id = s.instance_id AND a.id = s.id AND a.canal = s.canal
    AND a.timestamp = s.timestamp + $1::double precision / 1000
  GROUP BY s.instance_id, s.id, s.canal, s.timestamp
)
