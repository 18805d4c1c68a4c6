INSERT INTO alertas_reconocidas (instance_id, id, reconocida_ms, reconocida_por)
VALUES ($1, $2, $3, $4)
ON CONFLICT (instance_id, id) DO UPDATE
SET reconocida_ms = excluded.reconocida_ms, reconocida_por = excluded.reconocida_por
