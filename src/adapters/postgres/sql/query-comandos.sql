-- Commands of [desde, hasta), newest first.
SELECT id, nombre, puerta, argumentos, efecto, respuesta, timestamp_ms, epoca
FROM comandos
WHERE instance_id = $1
  AND ($2::text[] IS NULL OR nombre = ANY ($2))
  AND ($3::double precision IS NULL OR timestamp_ms >= $3)
  AND ($4::double precision IS NULL OR timestamp_ms < $4)
  -- what the line below it says, so that an index can begin there
  AND timestamp_ms <= COALESCE($5::double precision, 'Infinity')
  AND ($5::double precision IS NULL OR timestamp_ms < $5 OR (timestamp_ms = $5 AND id COLLATE "C" >= $6))
ORDER BY timestamp_ms DESC, id COLLATE "C"
LIMIT $7
