CREATE TABLE IF NOT EXISTS corec_migraciones (
  version int PRIMARY KEY,
  nombre text NOT NULL,
  aplicada timestamptz NOT NULL DEFAULT now()
)
