DELETE FROM bloques
WHERE instance_id = $1 AND timestamp < $2
  AND canal IN (SELECT DISTINCT canal FROM bloques_uso WHERE instance_id = $1)
