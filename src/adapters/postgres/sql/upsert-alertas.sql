INSERT INTO alertas (
  instance_id, guardada_ms, id, bloque, canal, clave, regla, abierta_ms, actualizada_ms, cerrada_ms,
  valor, lectura, esperado_min, esperado_max, razon, lecturas
)
SELECT $1, $2, * FROM unnest(
  $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::double precision[], $9::double precision[],
  $10::double precision[], $11::double precision[], $12::double precision[], $13::double precision[],
  $14::double precision[], $15::json[], $16::bigint[]
)
ON CONFLICT (instance_id, id) DO UPDATE SET
  guardada_ms = excluded.guardada_ms, bloque = excluded.bloque, canal = excluded.canal, clave = excluded.clave,
  regla = excluded.regla, abierta_ms = excluded.abierta_ms, actualizada_ms = excluded.actualizada_ms,
  cerrada_ms = excluded.cerrada_ms, valor = excluded.valor, lectura = excluded.lectura,
  esperado_min = excluded.esperado_min, esperado_max = excluded.esperado_max, razon = excluded.razon,
  lecturas = excluded.lecturas
