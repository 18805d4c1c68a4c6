WITH gone AS (
  DELETE FROM alertas WHERE instance_id = $1 AND guardada_ms < $2 AND cerrada_ms IS NOT NULL RETURNING id
), forgotten AS (
  DELETE FROM alertas_reconocidas WHERE instance_id = $1 AND id IN (SELECT id FROM gone)
)
SELECT count(*) AS filas FROM gone
