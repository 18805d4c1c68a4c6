INSERT INTO bloques_uso (instance_id, hora, canal, filas, bytes)
SELECT $1, * FROM unnest($2::bigint[], $3::int[], $4::bigint[], $5::bigint[])
ON CONFLICT (instance_id, hora, canal)
DO UPDATE SET filas = bloques_uso.filas + excluded.filas, bytes = bloques_uso.bytes + excluded.bytes
