-- Locks the instance's row: a commit of the same epoch whose answer was lost is decided before this one is judged.
SELECT epoca, timestamp_max FROM epocas WHERE instance_id = $1 FOR UPDATE
