-- What happened is read newest first: alertas by their openings (0001) and ends, commands by their time.
CREATE INDEX alertas_cerrada ON alertas (instance_id, cerrada_ms DESC) WHERE cerrada_ms IS NOT NULL;
CREATE INDEX comandos_timestamp ON comandos (instance_id, timestamp_ms DESC);
