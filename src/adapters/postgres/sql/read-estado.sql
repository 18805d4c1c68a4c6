SELECT parte, partes, datos FROM estado WHERE instance_id = $1 AND clase = $2 AND id = $3 ORDER BY parte
