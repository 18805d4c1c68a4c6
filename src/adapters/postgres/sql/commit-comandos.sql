-- Commands in their order, each of another id; what comes back is what was stored before of those that are known.
-- The last SELECT does not see what the statement itself inserts.
WITH given AS (
  SELECT * FROM unnest(
    $2::text[], $3::text[], $4::text[], $5::json[], $6::json[], $7::json[], $8::double precision[], $9::bigint[],
    $10::text[], $11::double precision[], $12::text[]
  ) WITH ORDINALITY AS rows (
    id, nombre, puerta, argumentos, efecto, respuesta, timestamp_ms, epoca, alerta, reconocida_ms, reconocida_por, n
  )
), inserted AS (
  INSERT INTO comandos (instance_id, id, nombre, puerta, argumentos, efecto, respuesta, timestamp_ms, epoca)
  SELECT $1, id, nombre, puerta, argumentos, efecto, respuesta, timestamp_ms, epoca FROM given ORDER BY n
  ON CONFLICT (instance_id, id) DO NOTHING
  RETURNING id
), acknowledged AS (
  INSERT INTO alertas_reconocidas (instance_id, id, reconocida_ms, reconocida_por)
  -- Of several acknowledgements of one alerta the last one counts: a statement cannot write a row twice.
  SELECT DISTINCT ON (alerta) $1, alerta, reconocida_ms, reconocida_por
  FROM given JOIN inserted USING (id) WHERE alerta IS NOT NULL ORDER BY alerta, n DESC
  ON CONFLICT (instance_id, id) DO UPDATE
  SET reconocida_ms = excluded.reconocida_ms, reconocida_por = excluded.reconocida_por
)
SELECT id, known.respuesta, known.timestamp_ms
FROM given JOIN comandos AS known USING (id) WHERE known.instance_id = $1
