COPY {table} (epoca, parte, partes, tramo, instance_id, clase, id, datos) FROM STDIN (FORMAT binary{options})
