INSERT INTO {target} (epoca, parte, partes, tramo, instance_id, clase, id, datos)
SELECT e.epoca, e.parte, e.partes, $3, e.instance_id, e.clase, e.id, e.datos
FROM {source} AS e
WHERE NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS k (clase, id) WHERE k.clase = e.clase AND k.id = e.id)
