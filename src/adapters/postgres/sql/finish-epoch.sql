UPDATE epocas
SET epoca = $2, programada_ms = $3, confirmada_ms = $4, timestamp_max = greatest(timestamp_max, $5)
WHERE instance_id = $1
