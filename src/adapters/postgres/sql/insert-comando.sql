INSERT INTO comandos (instance_id, id, nombre, puerta, argumentos, efecto, respuesta, timestamp_ms, epoca)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (instance_id, id) DO NOTHING
