SELECT id, nombre, puerta, argumentos, efecto, respuesta, timestamp_ms, epoca
FROM comandos WHERE instance_id = $1 AND id = $2
