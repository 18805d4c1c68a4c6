INSERT INTO epocas (instance_id, epoca, programada_ms, confirmada_ms, timestamp_max)
VALUES ($1, 0, 0, 0, '-Infinity')
ON CONFLICT (instance_id) DO NOTHING
