COPY {table} (id, canal, num_entidades, fitness, timestamp, instance_id, mensajes, codec) FROM STDIN (FORMAT binary)
