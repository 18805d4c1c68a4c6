-- bloques as specified, plus what a bloque drained since its last row. The key of a partitioned table must hold the partition columns.
CREATE TABLE bloques (
  id text NOT NULL,
  canal int NOT NULL,
  num_entidades int NOT NULL,
  fitness real NOT NULL,
  -- Seconds since 1970, UTC, wall time.
  timestamp double precision NOT NULL,
  instance_id text NOT NULL,
  mensajes bytea,
  codec text,
  PRIMARY KEY (instance_id, id, canal, timestamp)
) PARTITION BY RANGE (timestamp);
-- Compressed already.
ALTER TABLE bloques ALTER COLUMN mensajes SET STORAGE EXTERNAL;
CREATE INDEX bloques_canal_timestamp ON bloques (canal, timestamp DESC);

-- What bloques holds, by the hour: retention counts here, since the size of a file says nothing of the rows deleted from it.
CREATE TABLE bloques_uso (
  instance_id text NOT NULL,
  -- Hours since 1970.
  hora bigint NOT NULL,
  canal int NOT NULL,
  filas bigint NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (instance_id, hora, canal)
) WITH (fillfactor = 50);

-- Episodios. Times in ms since 1970, UTC: those of the lecturas, except guardada_ms (wall time, what retention goes by).
CREATE TABLE alertas (
  instance_id text NOT NULL,
  id text NOT NULL,
  bloque text NOT NULL,
  canal int NOT NULL,
  clave text NOT NULL,
  regla text NOT NULL,
  abierta_ms double precision NOT NULL,
  actualizada_ms double precision NOT NULL,
  cerrada_ms double precision,
  valor double precision NOT NULL,
  lectura double precision,
  esperado_min double precision,
  esperado_max double precision,
  razon json NOT NULL,
  lecturas bigint NOT NULL,
  guardada_ms double precision NOT NULL,
  PRIMARY KEY (instance_id, id)
);
CREATE INDEX alertas_abierta ON alertas (instance_id, abierta_ms DESC);
CREATE INDEX alertas_clave ON alertas (instance_id, clave);
CREATE INDEX alertas_abiertas ON alertas (instance_id, valor DESC) WHERE cerrada_ms IS NULL;

-- Apart from alertas: an episodio can be acknowledged before the epoch that stores it.
CREATE TABLE alertas_reconocidas (
  instance_id text NOT NULL,
  id text NOT NULL,
  reconocida_ms double precision NOT NULL,
  reconocida_por text NOT NULL,
  PRIMARY KEY (instance_id, id)
);

-- Changing commands: audit, answer, dedupe, and the effect for recovery. json, not jsonb: an answer is given back as it was.
CREATE TABLE comandos (
  instance_id text NOT NULL,
  id text NOT NULL,
  orden bigint GENERATED ALWAYS AS IDENTITY,
  nombre text NOT NULL,
  puerta text NOT NULL,
  argumentos json,
  efecto json,
  respuesta json,
  timestamp_ms double precision NOT NULL,
  epoca bigint NOT NULL,
  PRIMARY KEY (instance_id, id)
);
CREATE INDEX comandos_epoca ON comandos (instance_id, epoca, orden);

-- One row an instance: its newest epoch, and the newest timestamp it gave to a row of bloques.
CREATE TABLE epocas (
  instance_id text PRIMARY KEY,
  epoca bigint NOT NULL,
  programada_ms double precision NOT NULL,
  confirmada_ms double precision NOT NULL,
  timestamp_max double precision NOT NULL
) WITH (fillfactor = 50);

-- The epoch's state: one value in `partes` pieces that fit two a page, so that nothing is stored out of line.
-- An instance's part has three tramos: 0 what seldom changes; 1 and 2 what every epoch rewrites, in turns (estado-write.ts).
CREATE TABLE estado (
  epoca bigint NOT NULL,
  parte int NOT NULL,
  partes int NOT NULL,
  tramo smallint NOT NULL,
  instance_id text NOT NULL,
  clase text NOT NULL,
  id text NOT NULL,
  datos bytea NOT NULL
) PARTITION BY LIST (instance_id);
ALTER TABLE estado ALTER COLUMN datos SET STORAGE EXTERNAL;
