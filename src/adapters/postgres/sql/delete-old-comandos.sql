-- Those of epochs to come are still needed for recovery.
DELETE FROM comandos
WHERE instance_id = $1 AND timestamp_ms < $2 AND epoca <= (SELECT epoca FROM epocas WHERE instance_id = $1)
