-- Episodios that opened (or closed: {time}) in [desde, hasta). A bloque is named itself or by its entry of the configuration.
SELECT
  id, bloque, canal, clave, regla, abierta_ms, actualizada_ms, cerrada_ms, valor, lectura, esperado_min, esperado_max,
  razon, lecturas, reconocida_ms, reconocida_por
FROM alertas LEFT JOIN alertas_reconocidas USING (instance_id, id)
WHERE instance_id = $1
  AND ($2::text IS NULL OR clave LIKE $2)
  AND ($3::text IS NULL OR bloque = $3 OR starts_with(bloque, $3 || '/'))
  AND ($4::boolean IS NULL OR (cerrada_ms IS NULL) = $4)
  AND ($5::double precision IS NULL OR {time} >= $5)
  AND ($6::double precision IS NULL OR {time} < $6)
  AND ($8::text IS NULL OR starts_with(id, $8))
  AND ($9::double precision IS NULL OR guardada_ms >= $9)
  -- what the line below it says, so that an index can begin there
  AND {time} <= COALESCE($10::double precision, 'Infinity')
  AND ($10::double precision IS NULL OR {time} < $10 OR ({time} = $10 AND id COLLATE "C" >= $11))
  AND ($12::text[] IS NULL OR regla = ANY ($12))
ORDER BY {order}
LIMIT $7
