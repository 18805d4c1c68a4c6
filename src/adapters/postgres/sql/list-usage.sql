SELECT hora, sum(filas) AS filas, sum(bytes) AS bytes
FROM bloques_uso WHERE instance_id = $1 GROUP BY hora ORDER BY hora DESC
