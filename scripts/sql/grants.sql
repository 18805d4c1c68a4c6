-- What a running CoreC may do, and nothing else. For a schema that somebody else owns and brings up to date with `corec migrate`.
--
--   sudo -u postgres createuser --pwprompt corec_owner
--   sudo -u postgres createuser --pwprompt corec_run
--   sudo -u postgres createdb --owner corec_owner --encoding UTF8 --template template0 corec_db
--   sudo -u postgres psql -d corec_db -c 'GRANT CREATE ON SCHEMA public TO corec_owner'
--   DB_USER=corec_owner DB_PASSWORD=... ./corec migrate
--   sudo -u postgres psql -d corec_db -f scripts/sql/grants.sql
--
-- To be run again after each `corec migrate` that changed something; it does no harm again. The roles are called corec_owner and
-- corec_run here: with other names, change them in a copy.

-- PostgreSQL 13 and 14 let everybody create things in this schema.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO corec_run;
-- A clock that was set back needs a temporary table.
DO $$ BEGIN EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO corec_run', current_database()); END $$;

-- The schema's version is read; only `corec migrate` changes it.
GRANT SELECT ON corec_migraciones TO corec_run;
GRANT SELECT, INSERT, DELETE ON bloques TO corec_run;
GRANT SELECT, INSERT, UPDATE, DELETE ON bloques_uso, alertas, alertas_reconocidas TO corec_run;
GRANT SELECT, INSERT, DELETE ON comandos TO corec_run;
GRANT SELECT, INSERT, UPDATE ON epocas TO corec_run;
GRANT SELECT, INSERT, DELETE, TRUNCATE ON estado TO corec_run;

-- Months and the parts of instances come and go by these, which run as the owner. New ones take over the rights of their parent.
GRANT EXECUTE ON FUNCTION
  corec_make_month(text, double precision, double precision),
  corec_drop_month(text, text),
  corec_make_instance(text, text)
TO corec_run;

-- Those that stand already.
DO $$
DECLARE
  part record;
BEGIN
  FOR part IN
    SELECT 'bloques'::regclass AS parent, inhrelid::regclass AS relation FROM pg_inherits WHERE inhparent = 'bloques'::regclass
    UNION ALL
    SELECT 'estado'::regclass, relid FROM pg_partition_tree('estado') WHERE level > 0
  LOOP
    PERFORM corec_same_rights(part.parent, part.relation);
  END LOOP;
END
$$;
