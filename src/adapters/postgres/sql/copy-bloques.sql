COPY {table} (id, canal, num_entidades, fitness, timestamp, instance_id, codec, mensajes) FROM STDIN (FORMAT binary)
